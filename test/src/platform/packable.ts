import fc from 'fast-check'

/** Bytes as they come in batches: noise, runs, and pieces that come again near and far. */
export const packable = (lengthMax: number): fc.Arbitrary<Uint8Array> =>
  fc
    .tuple(
      fc.nat(0x7fffffff),
      fc.oneof(fc.nat(300), fc.nat(lengthMax)),
      fc.constantFrom(2, 16, 64, 256),
    )
    .map(([seed, length, alphabet]) => {
      const bytes = new Uint8Array(length)
      let state = seed | 1
      const next = (below: number): number => {
        state = (Math.imul(state, 1664525) + 1013904223) | 0
        return (state >>> 8) % below
      }
      for (let at = 0; at < length; ) {
        const part = Math.min(length - at, 1 + next(next(10) === 0 ? 5000 : 80))
        const kind = next(3)
        if (kind === 0 || at === 0) for (let i = 0; i < part; i++) bytes[at + i] = next(alphabet)
        else if (kind === 1) bytes.fill(next(256), at, at + part)
        else {
          const distance = 1 + next(at)
          for (let i = 0; i < part; i++) bytes[at + i] = bytes[at + i - distance]!
        }
        at += part
      }
      return bytes
    })
