import { type SessionId, sessionIdBits } from '../ids.ts'

const mask48 = (1n << 48n) - 1n

/**
 * The 16 bytes a client must show to have its session back. As in ZooKeeper they are made of the id alone
 * (`java.util.Random(id ^ 0xB3415C00)`), so that every server of an ensemble, and one that was restarted, agrees. They keep
 * sessions from being mixed up; they are no secret.
 */
export function sessionPassword(id: SessionId): Uint8Array {
  const password = new Uint8Array(16)
  let state = (BigInt.asUintN(64, sessionIdBits(id) ^ 0xb3415c00n) ^ 0x5deece66dn) & mask48
  for (let at = 0; at < 16; at += 4) {
    state = (state * 0x5deece66dn + 0xbn) & mask48
    new DataView(password.buffer).setUint32(at, Number(state >> 16n), true)
  }
  return password
}

export const noPassword = new Uint8Array(16)

export const samePassword = (a: Uint8Array | null, b: Uint8Array): boolean =>
  a !== null && a.length === b.length && a.every((byte, index) => byte === b[index])
