import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { AnyStateMachine, StateValue } from 'xstate'
import { stateName } from '../../actors/registry.ts'
import { chartOf, within } from '../../cli/chart-arrows.ts'
import { loadCharts } from '../../cli/machines.ts'
import { pageFolder } from '../../control/page-files.ts'
import type { ControlServer } from '../../control/server.ts'
import { startTraceServer } from '../../control/trace-server.ts'
import type { Line } from '../../story/line.ts'
import { Recording } from '../../story/recording.ts'
import { expectQuiet, goTo, hasChromium, launch, type Visit, visit } from './browser.ts'

const charts = await loadCharts()

/** Values that together have every state of a chart active. */
function walk({ root }: AnyStateMachine): readonly StateValue[] {
  type Node = AnyStateMachine['root']
  const values = (node: Node): StateValue[] => {
    const children = Object.values(node.states) as Node[]
    if (children.length === 0) return [{}]
    if (node.type !== 'parallel')
      return children.flatMap(child => values(child).map(inner => ({ [child.key]: inner })))
    const regions = children.map(child => values(child).map(inner => ({ [child.key]: inner })))
    const longest = Math.max(...regions.map(({ length }) => length))
    return Array.from({ length: longest }, (_, at) =>
      Object.assign({}, ...regions.map(region => region[at % region.length])),
    )
  }
  return values(root)
}

describe.skipIf(!hasChromium)('statecharts', { timeout: 120_000 }, () => {
  let browser: Browser
  let server: ControlServer
  let seen: Visit
  const steps: { path: string; seq: number; active: string[] }[] = []

  beforeAll(async () => {
    await pageFolder()
    const recording = new Recording()
    let seq = 0
    const add = (line: Omit<Line, 'seq' | 'atMs' | 'cause'>): void =>
      recording.add({ ...line, seq: ++seq, atMs: 1_700_000_000_000 + seq, cause: null })
    for (const [name, machine] of charts) {
      const path = `walk/${name}`
      add({ path, kind: 'actor', type: 'started', detail: { chart: machine.id } })
      let from = ''
      for (const value of walk(machine)) {
        // A chart's context is no matter here, and none of them reads it to be in a state.
        const snapshot = machine.resolveState({ value, context: {} } as never)
        const to = stateName(snapshot.value as StateValue)
        add({ path, kind: 'state', type: to, detail: { from, to } })
        from = to
        const active = snapshot._nodes.map(({ id }: { id: string }) => id).sort()
        steps.push({ path, seq, active })
      }
    }
    server = await startTraceServer(recording, { name: 'walk.ndjson', port: 0 })
    browser = await launch()
    seen = await visit(browser, server.url, '#/actors')
  }, 120_000)

  afterAll(async () => {
    await browser?.close()
    await server?.close()
  })

  test('the walk has every state of every chart active', () => {
    const active = new Set(steps.flatMap(step => step.active))
    for (const machine of charts.values())
      for (const { id } of within(chartOf(machine))) expect(active).toContain(id)
  })

  const lit = (selector: string) =>
    seen.page.evaluate(
      ({ selector: all }) =>
        [...document.querySelectorAll(all)].map(box => box.getAttribute('data-state') ?? '').sort(),
      { selector },
    )

  test.each(['boxes', 'graph'])(
    'in %s exactly the active states of every chart are lit',
    async drawn => {
      const selector =
        drawn === 'boxes' ? '.state[aria-current=true]' : '.graph [data-state][data-active=true]'
      for (const { path, seq, active } of steps) {
        const view = drawn === 'graph' ? '&view=graph' : ''
        await goTo(seen.page, `#/actor/${path}?at=${seq}${view}`)
        await expect.poll(() => lit(selector), { timeout: 30_000, interval: 5 }).toEqual(active)
      }
    },
  )

  test('no box of a graph lies over another one', async () => {
    for (const name of charts.keys()) {
      await goTo(seen.page, `#/actor/walk/${name}?view=graph`)
      await seen.page.locator(`svg.graph[aria-label^="${name}:"]`).waitFor()
      const overlaps = await seen.page.evaluate(() => {
        const boxes = [...document.querySelectorAll('.graph [data-state]')].map(box => ({
          id: box.getAttribute('data-state') ?? '',
          at: box.querySelector('rect')?.getBoundingClientRect() ?? new DOMRect(),
        }))
        return boxes.flatMap(one =>
          boxes
            .filter(
              other =>
                one.id < other.id &&
                !other.id.startsWith(`${one.id}.`) &&
                one.at.left < other.at.right &&
                other.at.left < one.at.right &&
                one.at.top < other.at.bottom &&
                other.at.top < one.at.bottom,
            )
            .map(other => `${one.id} over ${other.id}`),
        )
      })
      expect(overlaps).toEqual([])
    }
  })

  test('nothing fails, and a recording has no button that acts', async () => {
    await goTo(seen.page, '#/map')
    await seen.page.getByRole('heading', { name: 'Cluster map' }).waitFor()
    expectQuiet(seen, server.url)
    const refused = await fetch(`${server.url}/api/faults`, { method: 'POST' })
    expect(refused.status).toBe(405)
  })
})
