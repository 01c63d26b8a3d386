/**
 * A chart as a picture that needs nothing else: boxes within boxes, each with its arrows as rows in the order in which they are tried.
 * No lines cross, nothing is left out, and a target is a link to its box.
 */
import type { AnyStateMachine } from 'xstate'
import { arrowsOf, type ChartArrow, type ChartState, chartOf } from './chart-arrows.ts'

/** Of a monospaced letter of 12 px, and from one line to the next, px. */
const letter = 7.25
const lineHeight = 17
const padding = 10
const gap = 12
const titleHeight = 24

/** Letters of a row before it is broken. */
const lettersMax = 66

interface Row {
  readonly text: string
  readonly kind: 'description' | 'arrow' | 'dropped'
  /** What `text` ends with, and where that leads. */
  readonly link?: { readonly text: string; readonly to: string }
}

interface Box {
  readonly state: ChartState
  readonly rows: readonly Row[]
  readonly children: readonly { readonly x: number; readonly y: number; readonly box: Box }[]
  readonly width: number
  readonly height: number
}

const escaped = (text: string): string =>
  text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;').replace(/"/g, '&quot;')

/** Broken between words; what follows the first line is set in. */
function broken(text: string, indent = ''): readonly string[] {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(' ')) {
    if (line.trim() !== '' && line.length + 1 + word.length > lettersMax) {
      lines.push(line)
      line = indent + word
    } else line = line === '' ? word : `${line} ${word}`
  }
  return [...lines, line]
}

const does = (actions: readonly string[]): string =>
  actions.length === 0 ? '' : ` / ${actions.join(', ')}`

function arrowRows({ on, guard, actions, to }: ChartArrow, rootId: string): readonly Row[] {
  const text = `${on}${guard === '' ? '' : ` [${guard}]`}${does(actions)}`
  const [target] = to
  if (target === undefined) {
    const kind = actions.length === 0 ? 'dropped' : 'arrow'
    const said = kind === 'dropped' ? `${text} (nothing)` : text
    return broken(said, '    ').map(line => ({ text: line, kind }))
  }
  const name = to.map(id => id.slice(rootId.length + 1)).join(' and ')
  const lines = broken(`${text} → ${name}`, '    ')
  return lines.map((line, at): Row => {
    const isLast = at === lines.length - 1
    return isLast && line.endsWith(name)
      ? { text: line, kind: 'arrow', link: { text: name, to: target } }
      : { text: line, kind: 'arrow' }
  })
}

function rowsOf(state: ChartState, arrows: readonly ChartArrow[], rootId: string): readonly Row[] {
  const rows: Row[] =
    state.description === ''
      ? []
      : broken(state.description).map(text => ({ text, kind: 'description' }))
  for (const [when, actions] of [
    ['entry', state.entry],
    ['exit', state.exit],
  ] as const)
    if (actions.length > 0)
      rows.push(
        ...broken(`${when}${does(actions)}`, '    ').map(text => ({
          text,
          kind: 'arrow' as const,
        })),
      )
  for (const arrow of arrows) if (arrow.from === state.id) rows.push(...arrowRows(arrow, rootId))
  return rows
}

const mark = ({ type }: ChartState): string =>
  type === 'final' ? ' ◎' : type === 'parallel' ? ' ∥' : type === 'history' ? ' Ⓗ' : ''

/** Side by side until the row is as long as the whole shall be wide; then the next row. */
function shelved(boxes: readonly Box[]): Pick<Box, 'children' | 'width' | 'height'> {
  const area = boxes.reduce((sum, { width, height }) => sum + (width + gap) * (height + gap), 0)
  const widthMax = Math.max(...boxes.map(({ width }) => width), Math.sqrt(area * 1.7))
  let [x, y, rowHeight, width] = [0, 0, 0, 0]
  const children = boxes.map(box => {
    if (x > 0 && x + box.width > widthMax) [x, y, rowHeight] = [0, y + rowHeight + gap, 0]
    const child = { x, y, box }
    x += box.width + gap
    width = Math.max(width, x - gap)
    rowHeight = Math.max(rowHeight, box.height)
    return child
  })
  return { children, width, height: y + rowHeight }
}

function laidOut(state: ChartState, arrows: readonly ChartArrow[], rootId: string): Box {
  const rows = rowsOf(state, arrows, rootId)
  const inner = shelved(state.states.map(child => laidOut(child, arrows, rootId)))
  const letters = Math.max(state.key.length + 6, ...rows.map(({ text }) => text.length))
  const rowsHeight = titleHeight + rows.length * lineHeight
  const hasChildren = inner.children.length > 0
  return {
    state,
    rows,
    children: inner.children.map(({ x, y, box }) => ({
      x: padding + x,
      y: padding + rowsHeight + gap / 2 + y,
      box,
    })),
    width: Math.max(letters * letter, inner.width) + 2 * padding,
    height: rowsHeight + (hasChildren ? inner.height + gap / 2 : 0) + 2 * padding - 4,
  }
}

function rowSvg({ text, kind, link }: Row, y: number): string {
  const said =
    link === undefined
      ? escaped(text)
      : `${escaped(text.slice(0, -link.text.length))}<a href="#${escaped(link.to)}">${escaped(link.text)}</a>`
  return `<text x="${padding}" y="${y}" class="${kind}" xml:space="preserve">${said}</text>`
}

const px = (value: number): string => String(Math.ceil(value))

function boxSvg(box: Box, isInitial: boolean, isRegion: boolean): readonly string[] {
  const { state, rows, children, width, height } = box
  const title = `${isInitial ? '● ' : ''}${state.key}${mark(state)}`
  return [
    `<rect width="${px(width)}" height="${px(height)}" rx="8"${isRegion ? ' class="region"' : ''}/>`,
    `<text x="${padding}" y="${padding + 12}" class="title">${escaped(title)}</text>`,
    ...rows.map((row, at) => rowSvg(row, padding + titleHeight + 8 + at * lineHeight)),
    ...children.flatMap(({ x, y, box: child }) => [
      `<g id="${escaped(child.state.id)}" transform="translate(${px(x)} ${px(y)})">`,
      ...boxSvg(child, child.state.id === state.initial, state.type === 'parallel'),
      '</g>',
    ]),
  ]
}

const style = `
  svg { background: #fff; --ink: #1c2128; --faint: #59636e; --line: #8c959f; --box: #0969da0a; --link: #0550ae }
  @media (prefers-color-scheme: dark) {
    svg { background: #0d1117; --ink: #e6edf3; --faint: #9198a1; --line: #6e7681; --box: #4493f814; --link: #79c0ff }
  }
  rect { fill: var(--box); stroke: var(--line) }
  rect.region { stroke-dasharray: 5 4 }
  text { font: 12px ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace; fill: var(--ink) }
  text.title { font-size: 14px; font-weight: bold }
  text.description, text.dropped { fill: var(--faint) }
  a { fill: var(--link); text-decoration: underline }
  g:target > rect { stroke: var(--link); stroke-width: 3 }
`

/** A chart as an SVG document. */
export function svgText(machine: AnyStateMachine): string {
  const chart = chartOf(machine)
  const box = laidOut(chart, arrowsOf(machine), chart.id)
  const [width, height] = [px(box.width + 2), px(box.height + 2)]
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="-1 -1 ${width} ${height}" role="img">`,
    `<title>${escaped(chart.id)}</title>`,
    `<desc>${escaped(chart.description)}</desc>`,
    `<style>${style}</style>`,
    `<g id="${escaped(chart.id)}">`,
    ...boxSvg(box, false, false),
    '</g>',
    '</svg>',
    '',
  ].join('\n')
}
