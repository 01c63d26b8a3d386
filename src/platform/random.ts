import type { Random } from '../ports.ts'

/** Chance that can be had again: sfc32, seeded by a 32-bit number. */
export function seededRandom(seed: number): Random {
  let a = 0x9e3779b9 ^ seed
  let b = 0x243f6a88
  let c = 0xb7e15162
  let counter = 1
  const next32 = (): number => {
    const sum = (((a + b) | 0) + counter) | 0
    counter = (counter + 1) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = (((c << 21) | (c >>> 11)) + sum) | 0
    return sum >>> 0
  }
  for (let i = 0; i < 12; i++) next32()
  return {
    next: () => next32() / 2 ** 32,
    bytes: length => Uint8Array.from({ length }, () => next32() & 0xff),
  }
}

/** The machine's own chance. */
export function systemRandom(): Random {
  return {
    next: () => Math.random(),
    bytes: length => globalThis.crypto.getRandomValues(new Uint8Array(length)),
  }
}
