import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Cluster, type ConsumerHandle, startCluster } from '../../actors/node.ts'
import { pageFolder } from '../../control/page-files.ts'
import { type ControlServer, startControl } from '../../control/server.ts'
import { startTraceServer } from '../../control/trace-server.ts'
import { Recording } from '../../story/recording.ts'
import { expectQuiet, goTo, hasChromium, launch, type Visit, visit } from './browser.ts'

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

/** What axe finds on the page as it stands; not its `incomplete`, which it does not know. */
const violations = ({ page }: Visit, rules: readonly string[]) =>
  page.evaluate(async only => {
    const { axe } = globalThis as never as {
      axe: {
        run(options: object): Promise<{ violations: { id: string; nodes: { html: string }[] }[] }>
      }
    }
    const found = await axe.run(only.length === 0 ? {} : { runOnly: only })
    return found.violations.map(({ id, nodes }) => `${id}: ${nodes[0]?.html.slice(0, 200)}`)
  }, rules)

describe.skipIf(!hasChromium)('the views of the page', { timeout: 240_000 }, () => {
  let browser: Browser
  let cluster: Cluster
  let control: ControlServer
  let consumer: ConsumerHandle
  let seen: Visit

  beforeAll(async () => {
    await pageFolder()
    cluster = await startCluster({
      topics: [{ name: 'orders', partitions: 2, replicationFactor: 3 }],
      traceContexts: true,
      overrides: { 'zookeeper.session.timeout.ms': 6000, 'replica.lag.time.max.ms': 6000 },
    })
    control = await startControl(cluster, { host: '127.0.0.1', port: 0 })
    const producer = cluster.producer('shop')
    for (let n = 0; n < 6; n++)
      await producer.send({ topic: 'orders', partition: 0, key: `k${n}`, value: `order ${n}` })
    consumer = cluster.consumer('billing-1', {
      topics: ['orders'],
      groupId: 'billing',
      enableAutoCommit: false,
    })
    consumer.batches.subscribe()
    await cluster.group('billing').stable({ members: 1 })
    await consumer.commit([{ topic: 'orders', partition: 0, offset: 4 }])
    browser = await launch()
    seen = await visit(browser, control.url)
  }, 240_000)

  afterAll(async () => {
    await browser?.close()
    await control?.close()
    await cluster?.stop()
  })

  const routes = [
    '#/map?internal=1',
    '#/actors',
    '#/actor/broker-1/partition/orders-0',
    '#/actor/broker-1/partition/orders-0?view=graph',
    '#/events',
    '#/events?at=300',
    '#/sequence',
    '#/sequence?view=table&at=900',
    '#/znodes/brokers/ids/1',
    '#/groups',
    '#/topics',
    '#/topics/orders',
    '#/metrics',
  ]

  test.each(['light', 'dark'] as const)('axe finds nothing in any view, %s', async colorScheme => {
    const visited = await visit(browser, control.url, '#/map', { colorScheme })
    await visited.page.evaluate(axe)
    const found: string[] = []
    // In the dark only colours are others, and those are the same in views alike.
    const rules = colorScheme === 'dark' ? ['color-contrast'] : []
    const looked = colorScheme === 'dark' ? routes.filter((_, at) => at % 2 === 0) : routes
    for (const route of looked) {
      await goTo(visited.page, route)
      const heading = route.startsWith('#/actor/') ? '.chart .state, .chart svg' : 'main h1'
      await visited.page.locator(heading).first().waitFor()
      for (const violation of await violations(visited, rules)) found.push(`${route}: ${violation}`)
    }
    expect(found).toEqual([])
    expectQuiet(visited, control.url)
    await visited.page.close()
  })

  test('no view is wider than a telephone', async () => {
    const { page } = await visit(browser, control.url, '#/map', {
      viewport: { width: 400, height: 800 },
    })
    for (const route of routes) {
      await goTo(page, route)
      await page.locator('main h1').waitFor()
      const width = await page.evaluate(() => document.documentElement.scrollWidth)
      expect(width, route).toBeLessThanOrEqual(400)
    }
    await page.close()
  })

  test('a group shows what was committed, where its partitions end, and that no commit is no zero', async () => {
    await goTo(seen.page, '#/groups')
    const rows = () => seen.page.locator('.group tbody tr').allInnerTexts()
    await expect
      .poll(async () => (await rows()).map(row => row.split(/\t+/).map(cell => cell.trim())), {
        timeout: 30_000,
      })
      .toEqual([
        ['orders-0', '4', '6', '2', 'billing-1'],
        ['orders-1', 'no commit', '0', 'unknown', 'billing-1'],
      ])
  })

  test('a record is written by the form, and comes by the tail', async () => {
    const { page } = seen
    await goTo(page, '#/topics/orders')
    await page.locator('[name=key]').fill('by hand')
    await page.locator('[name=value]').fill('{"order": 7}')
    await page.locator('[name=partition]').selectOption('1')
    await page.getByRole('button', { name: 'Write' }).click()
    await expect
      .poll(() => page.locator('.produce [role=status]').textContent(), { timeout: 30_000 })
      .toBe('Written to orders-1 at offset 0.')
    const row = page.locator('tbody tr', { hasText: 'by hand' })
    await expect.poll(() => row.innerText(), { timeout: 30_000 }).toContain('{"order": 7}')
  })

  test('the tree of znodes goes by keyboard, and says who owns and who watches', async () => {
    const { page } = seen
    await goTo(page, '#/znodes/controller')
    await page.locator('[role=treeitem][aria-selected=true]').focus()
    await expect
      .poll(() => page.locator('.znode').innerText())
      .toMatch(/ephemeral of[\s\S]*broker-/)
    await expect.poll(() => page.locator('.znode').innerText()).toMatch(/Watched by\s+broker-/)
    await page.keyboard.press('ArrowDown')
    await expect.poll(() => page.locator('.znode h2').textContent()).toBe('/controller_epoch')
    await expect
      .poll(() => page.evaluate(() => document.activeElement?.textContent))
      .toContain('controller_epoch')
  })

  test('a metric of the page is the number that Prometheus is given', async () => {
    await goTo(seen.page, '#/metrics')
    const card = seen.page.locator('.metric', { hasText: 'brokertopicmetrics_messagesin_total' })
    await expect
      .poll(
        async () => {
          const text = await (await fetch(`${control.url}/metrics`)).text()
          const told = [
            ...text.matchAll(/^kafka_server_brokertopicmetrics_messagesin_total\{.*?\} (\d+)$/gm),
          ].map(([, value]) => value)
          const shown = await card.locator('td.number').allInnerTexts()
          return told.length > 0 && JSON.stringify(told.sort()) === JSON.stringify(shown.sort())
        },
        { timeout: 30_000 },
      )
      .toBe(true)
  })

  test('the sequence has the failover in its order', async () => {
    // One that is not the controller: its successor has much to read before it elects.
    const partition = [0, 1].find(
      at => cluster.partition('orders', at).leader?.id !== cluster.controller?.id,
    )
    if (partition === undefined) throw new Error('one broker leads all and is the controller')
    const dead = cluster.partition('orders', partition).leader
    dead?.kill()
    await cluster
      .partition('orders', partition)
      .until(({ leader }) => leader >= 0 && leader !== dead?.id, { timeoutMs: 60_000 })
    const { kept } = cluster.trace
    const lineOf = (place: string, state: RegExp): number =>
      kept.findLast(
        ({ kind, path, type, detail }) =>
          kind === 'state' &&
          path.endsWith(place) &&
          state.test(type) &&
          !state.test(String(detail.from)),
      )?.seq ?? 0
    /** What stands in the table up to a line. */
    const told = async (seq: number): Promise<readonly string[]> => {
      await goTo(seen.page, `#/sequence?view=table&at=${seq}`)
      const last = seen.page.locator('main tbody tr').last()
      await expect
        .poll(() => last.locator('td').first().innerText(), { timeout: 30_000 })
        .toBe(String(seq))
      return seen.page
        .locator('main tbody tr')
        .evaluateAll(rows => rows.map(row => row.children[4]?.textContent ?? ''))
    }
    const inOrder = (texts: readonly string[], ...patterns: readonly RegExp[]): void => {
      const at = patterns.map(pattern => texts.findLastIndex(text => pattern.test(text)))
      expect(at).not.toContain(-1)
      expect(at).toEqual(at.toSorted((one, other) => one - other))
    }
    inOrder(
      await told(lineOf('/leader-election', /^electing/)),
      /session …\w+ expiring/,
      /^election: electing/,
    )
    inOrder(
      await told(lineOf(`/partition/orders-${partition}`, /^leader/)),
      /^LeaderAndIsr/,
      new RegExp(`^leads orders-${partition}`),
    )
    await dead?.restart()
  })

  test('going back and forth in time gives the picture that was live', async () => {
    const { page } = seen
    await cluster.until(
      ({ partitions }) => partitions.every(({ isr, replicas }) => isr.length === replicas.length),
      { timeoutMs: 60_000 },
    )
    await goTo(page, '#/map?internal=1')
    const table = () => page.locator('table.map').innerText()
    // Until nothing is under way any more.
    await expect
      .poll(table, { timeout: 30_000 })
      .toSatisfy(
        (text: string) =>
          !text.includes('out of ISR') &&
          [...text.matchAll(/HW (\d+)\s+LEO (\d+)/g)].every(([, hw, leo]) => hw === leo),
      )
    const live = await table()
    await page.getByRole('button', { name: 'Pause', exact: true }).click()
    const here = Number(await page.getByLabel('Line of the trace').inputValue())
    const pictures = new Map<number, string>()
    const places = [here, 900, 300, 1200, here - 400]
    for (const seq of [...places, ...places.toReversed()]) {
      await goTo(page, `#/map?internal=1&at=${seq}`)
      await expect
        .poll(() => page.getByLabel('Line of the trace').getAttribute('aria-valuetext'))
        .toContain(`line ${seq} of`)
      const picture = await page.locator('main').innerText()
      expect(picture).toBe(pictures.get(seq) ?? picture)
      pictures.set(seq, picture)
    }
    expect(await table()).toBe(live)
    expect(new Set(pictures.values()).size).toBeGreaterThan(2)
    const kill = page.getByRole('button', { name: 'Kill broker 1' })
    await expect(kill.isDisabled()).resolves.toBe(true)
    await page.getByRole('button', { name: 'Return to live' }).click()
    await expect.poll(() => kill.isEnabled()).toBe(true)
  })

  test('time goes by keyboard', async () => {
    const { page } = seen
    await goTo(page, '#/map?at=700')
    const slider = page.getByLabel('Line of the trace')
    await slider.focus()
    await page.keyboard.press('ArrowRight')
    await expect.poll(() => page.url()).toContain('at=701')
    await page.keyboard.press('Home')
    await expect.poll(() => page.url()).toMatch(/at=1$/)
    await page.keyboard.press(']')
    await expect.poll(() => page.url()).not.toMatch(/at=1$/)
    await page.keyboard.press('l')
    await expect.poll(() => page.url()).not.toContain('at=')
  })

  test('nothing that the views did was asked of another host, and nothing failed', () => {
    expectQuiet(seen, control.url)
  })

  test('a foreign Host and a foreign Origin get nothing, and the page may load nothing from elsewhere', async () => {
    const { port } = new URL(control.url)
    const { get } = await import('node:http')
    const status = (path: string, headers: Record<string, string>): Promise<number> =>
      new Promise((resolve, reject) => {
        get({ host: '127.0.0.1', port, path, headers }, response => {
          response.destroy()
          resolve(response.statusCode ?? 0)
        }).on('error', reject)
      })
    for (const path of ['/', '/api/story', '/metrics', '/api/topics/orders/records']) {
      expect(await status(path, { host: 'evil.example' })).toBe(403)
      expect(await status(path, { origin: 'http://evil.example' })).toBe(403)
      expect(await status(path, { origin: `http://127.0.0.1:${Number(port) + 1}` })).toBe(403)
    }
    const { headers } = await fetch(control.url)
    expect(headers.get('content-security-policy')).toContain("default-src 'none'")
    expect(headers.get('content-security-policy')).not.toContain('unsafe')
  })

  test('what the page begins with is at most 60 kB of script, packed', async () => {
    const folder = await pageFolder()
    const html = readFileSync(join(folder, 'index.html'), 'utf8')
    const scripts = [...html.matchAll(/(?:src|href)="\/(assets\/[^"]+\.js)"/g)].map(
      ([, name]) => name as string,
    )
    expect(scripts.length).toBeGreaterThan(0)
    const bytes = scripts.reduce(
      (sum, name) => sum + gzipSync(readFileSync(join(folder, name))).length,
      0,
    )
    expect(bytes).toBeLessThanOrEqual(60_000)
  })

  test('100,000 lines scroll with fewer than 300 rows in the document, a step in less than 50 ms of the page', async () => {
    const recording = new Recording()
    const real = cluster.trace.kept
    for (let seq = 1; seq <= 100_000; seq++) {
      const line = real[seq % real.length] as (typeof real)[number]
      recording.add({
        ...line,
        seq,
        atMs: 1_700_000_000_000 + seq,
        cause: seq > 1 ? seq - 1 : null,
      })
    }
    const server = await startTraceServer(recording, { name: 'long.ndjson', port: 0 })
    const { page } = await visit(browser, server.url, '#/events?fold=0')
    await expect
      .poll(() => page.locator('.view-head').innerText(), { timeout: 60_000 })
      .toContain('100000 rows')
    // Of the page's own thread: what others do on a busy machine is not its fault.
    const session = await page.context().newCDPSession(page)
    await session.send('Performance.enable', { timeDomain: 'threadTicks' })
    const taskMs = async (): Promise<number> => {
      const { metrics } = await session.send('Performance.getMetrics')
      return 1000 * (metrics.find(({ name }) => name === 'TaskDuration')?.value ?? 0)
    }
    const taken: number[] = []
    let rows = 0
    for (let step = 0; step <= 40; step++) {
      const before = await taskMs()
      await page.locator('.scroll').evaluate((box, part) => {
        box.scrollTop = part * (box.scrollHeight - box.clientHeight)
        return new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))
      }, step / 40)
      taken.push((await taskMs()) - before)
      rows = Math.max(rows, await page.locator('.events [role=row]').count())
    }
    expect(rows).toBeGreaterThan(20)
    expect(rows).toBeLessThan(300)
    // The usual step: a single one may meet a collection of garbage.
    const usual = taken.toSorted((one, other) => one - other)[Math.floor(taken.length / 2)]
    expect(usual).toBeLessThan(50)
    await page.close()
    await server.close()
  })
})
