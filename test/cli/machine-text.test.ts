/** Charts as they leave the house: evaluated, read back and walked. */
import { expect, test } from 'vitest'
import { type AnyStateMachine, createMachine } from 'xstate'
import { arrowsOf, chartOf, within } from '../../cli/chart-arrows.ts'
import { svgText } from '../../cli/machine-svg.ts'
import { jsonText, mermaidText, xstateText } from '../../cli/machine-text.ts'
import { loadCharts } from '../../cli/machines.ts'

const charts = [...(await loadCharts())]

/** As the visualizer does it: the module's text, with XState's own `createMachine` in it. */
const evaluated = (text: string): AnyStateMachine =>
  new Function(
    'createMachine',
    text.replace(/^import .*$/m, '').replace('export const machine =', 'return'),
  )(createMachine)

test.each(charts)('%s is the same chart when its text is evaluated', (_, machine) => {
  const again = evaluated(xstateText(machine))
  expect(chartOf(again)).toEqual(chartOf(machine))
  expect(arrowsOf(again)).toEqual(arrowsOf(machine))
})

test.each(charts)('%s is the same chart when its JSON is read', (_, machine) => {
  const again = createMachine(JSON.parse(jsonText(machine)))
  expect(chartOf(again)).toEqual(chartOf(machine))
  expect(arrowsOf(again)).toEqual(arrowsOf(machine))
})

test.each(charts)('every state of %s can be reached along its arrows', (_, machine) => {
  const root = chartOf(machine)
  const states = new Map(within(root).map(state => [state.id, state]))
  const arrows = arrowsOf(machine)
  const reached = new Set<string>()
  const enter = (id: string): void => {
    if (reached.has(id)) return
    reached.add(id)
    const state = states.get(id)
    const parent = id.slice(0, Math.max(0, id.lastIndexOf('.')))
    // Whoever is in a state is in all around it, and in every region of those that are parallel.
    if (states.has(parent)) enter(parent)
    if (state?.type === 'parallel') for (const region of state.states) enter(region.id)
    for (const { from, to } of arrows) if (from === id) to.forEach(enter)
    // A compound state that is only ever entered at a target within it never begins at its initial one.
    if (state?.initial && (id === root.id || entersAt(id))) enter(state.initial)
  }
  const entersAt = (id: string): boolean =>
    arrows.some(({ to }) => to.includes(id)) ||
    within(root).some(
      ({ initial, type, states: inner }) =>
        initial === id || (type === 'parallel' && inner.some(region => region.id === id)),
    )
  enter(root.id)
  expect([...states.keys()].filter(id => !reached.has(id))).toEqual([])
})

test.each(charts)(
  'the Mermaid of %s has every state, and every arrow that leads away',
  (_, machine) => {
    const text = mermaidText(machine)
    const short = (id: string): string => id.replace(/\W+/g, '_')
    const root = chartOf(machine)
    for (const { id, key } of within(root))
      if (id !== root.id) expect(text).toContain(`state "${key}" as ${short(id)}\n`)
    for (const { from, to, on, guard } of arrowsOf(machine))
      for (const target of to) {
        const line = new RegExp(`^  ${short(from)}(_any)? --> ${short(target)}: (.*)$`, 'm').exec(
          text,
        )
        expect(line?.[2]?.split('<br>')).toContain(guard === '' ? on : `${on} [${guard}]`)
      }
  },
)

test.each(charts)(
  'the picture of %s has a box for each state, apart from one another',
  (_, machine) => {
    const text = svgText(machine)
    const states = within(chartOf(machine))
    expect([...text.matchAll(/<g id="([^"]+)"/g)].map(([, id]) => id).sort()).toEqual(
      states.map(({ id }) => id).sort(),
    )
    for (const [, target] of text.matchAll(/href="#([^"]+)"/g))
      expect(states.some(({ id }) => id === target)).toBe(true)
    expect(text.match(/<a /g) ?? []).toHaveLength(
      arrowsOf(machine).filter(({ to }) => to.length > 0).length,
    )
    expect(overlaps(text)).toEqual([])
    expect(text).not.toMatch(/https?:(?!\/\/www\.w3\.org\/2000\/svg)/)
  },
)

/** Pairs of siblings whose boxes share a pixel, and boxes that stick out of theirs. */
function overlaps(svg: string): readonly string[] {
  interface Seen {
    readonly id: string
    readonly x: number
    readonly y: number
    width: number
    height: number
    readonly inner: Seen[]
  }
  const open: Seen[] = []
  const wrong: string[] = []
  for (const line of svg.split('\n')) {
    const group = /^<g id="([^"]+)"(?: transform="translate\((\d+) (\d+)\)")?>/.exec(line)
    const rect = /^<rect width="(\d+)" height="(\d+)"/.exec(line)
    const last = open.at(-1)
    if (group?.[1] !== undefined) {
      const [, id, x = '0', y = '0'] = group
      const box = { id, x: Number(x), y: Number(y), width: 0, height: 0, inner: [] }
      last?.inner.push(box)
      open.push(box)
    } else if (rect !== null && last !== undefined)
      Object.assign(last, { width: Number(rect[1]), height: Number(rect[2]) })
    else if (line === '</g>') {
      const box = open.pop() as Seen
      box.inner.forEach((a, at) => {
        if (a.x + a.width > box.width || a.y + a.height > box.height)
          wrong.push(`${a.id} sticks out`)
        for (const b of box.inner.slice(at + 1))
          if (
            a.x < b.x + b.width &&
            b.x < a.x + a.width &&
            a.y < b.y + b.height &&
            b.y < a.y + a.height
          )
            wrong.push(`${a.id} and ${b.id}`)
      })
    }
  }
  return wrong
}
