/**
 * For what only an outside client knows: looks until the condition holds. Everything of ours is waited for by `until`.
 *
 * @param timeoutMs only ends what hangs.
 */
export async function eventually(
  condition: () => boolean | Promise<boolean>,
  what: () => string = () => 'the condition',
  timeoutMs = 25_000,
): Promise<void> {
  const endAt = performance.now() + timeoutMs
  while (!(await condition())) {
    if (performance.now() > endAt) throw new Error(`not reached in ${timeoutMs} ms: ${what()}`)
    await new Promise(resolve => setTimeout(resolve, 10))
  }
}
