import type { Random } from '../../src/ports.ts'

/** Waits before something is tried again: exponential, within a fifth of chance (KIP-580). */
export function backoffMs(
  { firstMs, maxMs }: { readonly firstMs: number; readonly maxMs: number },
  failures: number,
  random: Random,
): number {
  const full = Math.min(maxMs, firstMs * 2 ** Math.min(failures, 30))
  return Math.round(full * (0.8 + 0.4 * random.next()))
}
