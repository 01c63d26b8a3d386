/** A chart as the page draws it: what it is, and where everything of its graph stands. Made when the page is built. */
import type { AnyStateMachine } from 'xstate'
import { arrowsOf, type ChartArrow, type ChartState, chartOf, within } from '../cli/chart-arrows.ts'

/** A point, and sizes, in px. */
export type Point = readonly [x: number, y: number]

export interface DrawnBox {
  readonly id: string
  readonly x: number
  readonly y: number
  readonly width: number
  readonly height: number
}

/** Arrows from one state to another are one line with a label for each. */
export interface DrawnLine {
  readonly from: string
  readonly to: string
  readonly points: readonly Point[]
  readonly labels: readonly string[]
  readonly x: number
  readonly y: number
}

export interface ChartDrawing {
  readonly name: string
  readonly root: ChartState
  readonly arrows: readonly ChartArrow[]
  readonly width: number
  readonly height: number
  readonly boxes: readonly DrawnBox[]
  readonly lines: readonly DrawnLine[]
}

const letter = 7.3
const labelLetter = 6.7
export const labelHeight = 15
const titleHeight = 30
/** Labels on one line; the boxes have them all. */
const labelsMax = 4

interface ElkNode {
  id: string
  x?: number
  y?: number
  width?: number
  height?: number
  children?: ElkNode[]
  edges?: ElkEdge[]
  layoutOptions?: Record<string, string>
}

interface ElkEdge {
  id: string
  sources: string[]
  targets: string[]
  labels?: { text: string; width: number; height: number; x?: number; y?: number }[]
  sections?: { startPoint: Xy; endPoint: Xy; bendPoints?: Xy[] }[]
  container?: string
}

interface Xy {
  x: number
  y: number
}

/** The one call of ELK that is made. */
export interface Layout {
  layout(graph: ElkNode): Promise<ElkNode>
}

/** The mark inside a state from which arrows of that state to its own inside leave: whatever state is active in there. */
export const anyOf = (id: string): string => `${id}#any`

/** The dot from which a state's first state is entered. */
export const startOf = (id: string): string => `${id}#start`

const anyText = 'in any state'

function elkNode(state: ChartState, marked: ReadonlySet<string>): ElkNode {
  const width = Math.max(60, state.key.length * letter + 44)
  if (state.states.length === 0) return { id: state.id, width, height: 34 }
  const marks = [
    ...(state.initial === null ? [] : [{ id: startOf(state.id), width: 12, height: 12 }]),
    ...(marked.has(state.id)
      ? [{ id: anyOf(state.id), width: anyText.length * labelLetter + 10, height: 22 }]
      : []),
  ]
  return {
    id: state.id,
    children: [...marks, ...state.states.map(child => elkNode(child, marked))],
    layoutOptions: {
      'elk.padding': `[top=${titleHeight + 8},left=14,bottom=14,right=14]`,
      'elk.nodeSize.constraints': 'MINIMUM_SIZE',
      'elk.nodeSize.minimum': `(${Math.ceil(width)}, 50)`,
    },
  }
}

/** What leads from one state to another: each fact once, and how many more there are. */
function linesBetween(arrows: readonly ChartArrow[]): ReadonlyMap<string, readonly string[]> {
  const lines = new Map<string, string[]>()
  for (const { from, to, on } of arrows)
    for (const target of to) {
      const key = `${from}\n${target}`
      const labels = lines.get(key) ?? []
      lines.set(key, labels)
      if (!labels.includes(on)) labels.push(on)
    }
  return new Map(
    [...lines].map(([key, labels]) => [
      key,
      labels.length <= labelsMax
        ? labels
        : [...labels.slice(0, labelsMax - 1), `… ${labels.length - labelsMax + 1} more`],
    ]),
  )
}

/** Draws a chart. */
export async function drawn(
  name: string,
  machine: AnyStateMachine,
  elk: Layout,
): Promise<ChartDrawing> {
  const root = chartOf(machine)
  const arrows = arrowsOf(machine)
  const marked = new Set<string>()
  for (const { from, to } of arrows)
    if (to.some(target => target.startsWith(`${from}.`))) marked.add(from)
  const starts = within(root).flatMap(({ id, initial }): [string, string[]][] =>
    initial === null ? [] : [[`${startOf(id)}\n${initial}`, []]],
  )
  const lines: [string, readonly string[]][] = [...starts, ...linesBetween(arrows)]
  const graph = await elk.layout({
    ...elkNode(root, marked),
    edges: lines.map(([key, labels], at) => {
      const [source, to] = key.split('\n') as [string, string]
      const from = to.startsWith(`${source}.`) ? anyOf(source) : source
      const width = Math.max(...labels.map(({ length }) => length)) * labelLetter + 8
      const text = labels.join('\n')
      return {
        id: String(at),
        sources: [from],
        targets: [to],
        ...(labels.length === 0
          ? {}
          : { labels: [{ text, width, height: labels.length * labelHeight + 2 }] }),
      }
    }),
    layoutOptions: {
      'elk.algorithm': 'layered',
      'elk.direction': 'DOWN',
      'elk.hierarchyHandling': 'INCLUDE_CHILDREN',
      'elk.json.edgeCoords': 'ROOT',
      'elk.edgeLabels.inline': 'false',
      'elk.layered.spacing.nodeNodeBetweenLayers': '36',
      'elk.layered.spacing.edgeNodeBetweenLayers': '16',
      'elk.spacing.nodeNode': '28',
      'elk.spacing.edgeLabel': '4',
      'elk.spacing.edgeEdge': '14',
      'elk.padding': `[top=${titleHeight + 8},left=14,bottom=14,right=14]`,
      'elk.randomSeed': '1',
    },
  })
  const boxes: DrawnBox[] = []
  const place = (node: ElkNode, left: number, top: number): void => {
    const [x, y] = [left + (node.x ?? 0), top + (node.y ?? 0)]
    boxes.push({ id: node.id, x, y, width: node.width ?? 0, height: node.height ?? 0 })
    for (const child of node.children ?? []) place(child, x, y)
  }
  place(graph, 0, 0)
  const edges = [graph, ...within(root).map(({ id }) => find(graph, id))].flatMap(
    node => node?.edges ?? [],
  )
  return {
    name,
    root,
    arrows,
    width: Math.ceil(graph.width ?? 0),
    height: Math.ceil(graph.height ?? 0),
    boxes: boxes.map(box => ({
      ...box,
      x: Math.round(box.x),
      y: Math.round(box.y),
      width: Math.round(box.width),
      height: Math.round(box.height),
    })),
    lines: [...new Set(edges)].map(edge => {
      const section = edge.sections?.[0]
      const label = edge.labels?.[0]
      const points = section
        ? [section.startPoint, ...(section.bendPoints ?? []), section.endPoint]
        : []
      return {
        from: edge.sources[0] as string,
        to: edge.targets[0] as string,
        points: points.map(({ x, y }): Point => [Math.round(x), Math.round(y)]),
        labels: label === undefined ? [] : label.text.split('\n'),
        x: Math.round(label?.x ?? 0),
        y: Math.round(label?.y ?? 0),
      }
    }),
  }
}

const find = (node: ElkNode, id: string): ElkNode | undefined =>
  node.id === id
    ? undefined
    : node.children?.map(child => (child.id === id ? child : find(child, id))).find(Boolean)
