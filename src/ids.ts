/** Names of things, and how each prints. */

/** A broker's number, ≥ 0; −1 stands for "none" as on the wire. */
export type BrokerId = number

/** No broker: the leader of a partition that has none. */
export const noBroker: BrokerId = -1

/** A replicated log: topic and partition number. */
export interface TopicPartition {
  readonly topic: string
  readonly partition: number
}

/** `orders-0`, as Kafka prints it and names its directories. */
export const printPartition = ({ topic, partition }: TopicPartition): string =>
  `${topic}-${partition}`

/** A ZooKeeper session's id as ZooKeeper prints it: `0x100000a1b2c0000`. A 64-bit number exceeds 2⁵³, so it is text above the wire. */
export type SessionId = `0x${string}`

/** Session id 0: "give me a new session", and on a znode "not ephemeral". */
export const noSession: SessionId = '0x0'

export const sessionId = (bits: bigint): SessionId => `0x${BigInt.asUintN(64, bits).toString(16)}`

export const sessionIdBits = (id: SessionId): bigint => BigInt.asIntN(64, BigInt(id))

/** A ZooKeeper transaction's number: epoch << 32 | counter, a safe integer for every epoch below 2²¹. */
export type Zxid = number

export const printZxid = (zxid: Zxid): string => `0x${zxid.toString(16)}`

/** A UUID as Kafka prints it: 22 characters of URL-safe base64. */
export type Uuid = string

/** The zero UUID: "no topic id". */
export const noUuid: Uuid = 'AAAAAAAAAAAAAAAAAAAAAA'

const base64Url = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'

/** Prints 16 bytes as Kafka prints a UUID. */
export function uuid(bytes: Uint8Array): Uuid {
  let text = ''
  for (let i = 0; i < 16; i += 3) {
    const triple = ((bytes[i] ?? 0) << 16) | ((bytes[i + 1] ?? 0) << 8) | (bytes[i + 2] ?? 0)
    const digits = i === 15 ? 2 : 4
    for (let d = 0; d < digits; d++) text += base64Url[(triple >> (18 - 6 * d)) & 63]
  }
  return text
}

/** The 16 bytes of a printed UUID. Throws RangeError where the text is not one. */
export function uuidBytes(text: Uuid): Uint8Array {
  if (text.length !== 22) throw new RangeError(`not a UUID: ${text}`)
  const bytes = new Uint8Array(18)
  for (let i = 0; i < 24; i += 4) {
    let triple = 0
    for (let d = 0; d < 4; d++) {
      const digit = i + d < 22 ? base64Url.indexOf(text[i + d] as string) : 0
      if (digit < 0) throw new RangeError(`not a UUID: ${text}`)
      triple = (triple << 6) | digit
    }
    const at = (i / 4) * 3
    bytes[at] = triple >> 16
    bytes[at + 1] = triple >> 8
    bytes[at + 2] = triple
  }
  return bytes.subarray(0, 16)
}

/** A random UUID (version 4), from the platform's randomness. */
export function randomUuid(random: { bytes(length: number): Uint8Array }): Uuid {
  const bytes = random.bytes(16)
  bytes[6] = ((bytes[6] as number) & 0x0f) | 0x40
  bytes[8] = ((bytes[8] as number) & 0x3f) | 0x80
  return uuid(bytes)
}

/** The same 16 bytes as programs outside Kafka print them: `6ba7b810-9dad-11d1-80b4-00c04fd430c8`. */
export function hyphenated(id: Uuid): string {
  const hex = Array.from(uuidBytes(id), byte => byte.toString(16).padStart(2, '0')).join('')
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    hex.slice(12, 16),
    hex.slice(16, 20),
    hex.slice(20),
  ].join('-')
}
