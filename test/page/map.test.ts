import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Cluster, startCluster } from '../../actors/node.ts'
import { pageFolder } from '../../control/page-files.ts'
import { type ControlServer, startControl } from '../../control/server.ts'
import { expectQuiet, hasChromium, launch, type Visit, visit } from './browser.ts'

describe.skipIf(!hasChromium)('the cluster map', { timeout: 120_000 }, () => {
  let browser: Browser
  let cluster: Cluster
  let control: ControlServer
  let map: Visit

  beforeAll(async () => {
    await pageFolder()
    cluster = await startCluster({
      topics: [{ name: 'orders', partitions: 3, replicationFactor: 3 }],
      traceContexts: true,
      // A busy machine must not expire a session that nobody meant.
      overrides: { 'zookeeper.session.timeout.ms': 6000, 'replica.lag.time.max.ms': 6000 },
    })
    control = await startControl(cluster, { host: '127.0.0.1', port: 0 })
    browser = await launch()
    map = await visit(browser, control.url)
  }, 120_000)

  afterAll(async () => {
    await browser?.close()
    await control?.close()
    await cluster?.stop()
  })

  /** Leader and ISR of each partition as the map has them. */
  const shown = () =>
    map.page.locator('tr[data-partition]').evaluateAll(rows =>
      rows.map(row => ({
        partition: row.getAttribute('data-partition'),
        leaders: [...row.querySelectorAll('[data-role=leader]')].map(cell =>
          Number(cell.getAttribute('data-broker')),
        ),
        isr: [...row.querySelectorAll('[data-broker]')]
          .filter(cell => cell.textContent?.includes('in ISR'))
          .map(cell => Number(cell.getAttribute('data-broker')))
          .sort(),
      })),
    )

  const described = async () => {
    const admin = cluster.admin(`describe-${Math.random()}`)
    const [topic] = await admin.describeTopics(['orders'])
    admin.close()
    return topic?.partitions.map(({ partition, leaderId: leader, isr }) => ({
      partition: `orders-${partition}`,
      leaders: leader < 0 ? [] : [leader],
      isr: [...isr].sort(),
    }))
  }

  const agrees = () =>
    expect
      .poll(async () => [await shown(), await described()], { timeout: 30_000 })
      .toSatisfy(([map, told]) => JSON.stringify(map) === JSON.stringify(told))

  test('says of every partition what an admin client is told', async () => {
    await agrees()
    await expect(map.page.getByRole('heading', { name: 'Broker 1' }).count()).resolves.toBe(1)
  })

  test('a button kills the leader: one leader in every row at every step, and the log says so', async () => {
    const { page } = map
    const orders = cluster.partition('orders', 0)
    const dead = orders.leader?.id ?? 0
    await page.getByRole('button', { name: `Kill broker ${dead}` }).click()
    await expect.poll(() => cluster.broker(dead).state).toBe('killed')
    let isOver = false
    const elected = orders
      .until(({ leader }) => leader >= 0 && leader !== dead, { timeoutMs: 60_000 })
      .finally(() => {
        isOver = true
      })
    while (!isOver) for (const { leaders } of await shown()) expect(leaders).toHaveLength(1)
    await elected
    await agrees()
    await expect
      .poll(() => page.getByRole('status').first().textContent())
      .toContain(`broker ${dead}: kill done, it is killed`)
    await page.getByRole('button', { name: `Restart broker ${dead}` }).click()
    await orders.until(({ isr }) => isr.length === 3, { timeoutMs: 60_000 })
    await agrees()
  })

  test('each button has its command line beside it', async () => {
    const pairs = await map.page
      .locator('.faults li')
      .evaluateAll(items =>
        items.map(item => [
          item.querySelector('button')?.getAttribute('aria-label'),
          item.querySelector('code')?.textContent,
        ]),
      )
    expect(pairs).toContainEqual(['Kill broker 2', 'npx samsa fault kill 2'])
    expect(pairs).toContainEqual(['Expire session broker 3', 'npx samsa fault expire-session 3'])
  })

  test('a session shows what it owns and how much of its time is left', async () => {
    const row = map.page.locator('.sessions tbody tr', { hasText: 'broker-2' })
    await expect.poll(() => row.textContent()).toMatch(/\/brokers\/ids\/2/)
    await expect.poll(() => row.locator('.left').textContent()).toMatch(/\d s of 6\.0 s/)
  })

  test('nothing is asked of another host, and nothing fails', () => {
    expectQuiet(map, control.url)
  })
})
