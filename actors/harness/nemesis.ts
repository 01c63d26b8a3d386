import { printPartition } from '../../src/ids.ts'
import { seededRandom } from '../../src/platform/random.ts'
import type { SimulatedPlatform } from '../../src/platform/simulated.ts'
import type { BrokerNode } from '../broker-node.ts'
import type { Cluster } from '../cluster.ts'
import { Operator } from './operator.ts'
import type { Workload } from './workload.ts'

/** Faults by name, as `--faults` takes them. */
export const faultNames = [
  'kill',
  'power',
  'vanish',
  'stop',
  'pause',
  'expire',
  'depose',
  'isolate',
  'partition',
  'zookeeper',
  'client',
  'reset',
  'half-open',
  'drift',
  'member',
  'reassign',
] as const

export type FaultName = (typeof faultNames)[number]

/**
 * A fault that will happen. All that chance has to say about it is said beforehand, so that leaving one out leaves the others as they
 * are.
 */
export interface PlannedFault {
  readonly number: number
  readonly atMs: number
  readonly name: FaultName
  readonly durationMs: number
  /** Whom it hits: resolved when it happens, in [0, 1). */
  readonly choices: readonly [number, number, number]
}

/** @param atMs of the last fault at most, from the start */
export function planFaults(options: {
  readonly seed: number
  readonly names: readonly FaultName[]
  readonly atMs: number
}): PlannedFault[] {
  const { names } = options
  const random = seededRandom(options.seed ^ 0x6e656d65)
  const plan: PlannedFault[] = []
  // Each run has a temper of its own: few faults or many, all kinds or some.
  const paceMs = 300 + random.next() ** 2 * 8000
  const some = names.filter(() => random.next() < 0.6)
  const kinds = some.length === 0 ? names : some
  for (let atMs = random.next() * 2 * paceMs; ; atMs += random.next() * 2 * paceMs) {
    const name = kinds[Math.floor(random.next() * kinds.length)] as FaultName
    // Some are over before anyone has noticed, some outlast every session.
    const durationMs = Math.floor(random.next() ** 2 * 8000) + 20
    const choices = [random.next(), random.next(), random.next()] as const
    if (atMs > options.atMs) return plan
    plan.push({ number: plan.length + 1, atMs: Math.floor(atMs), name, durationMs, choices })
  }
}

interface Surroundings {
  readonly cluster: Cluster
  readonly platform: SimulatedPlatform
  readonly workload: Workload
  sometimes(what: string): void
}

/** Makes planned faults happen, and puts everything right again. */
export class Nemesis {
  readonly #around: Surroundings
  /** How often each fault bit. */
  readonly counts = new Map<FaultName, number>()
  #isOver = false
  readonly #reviving = new Set<BrokerNode>()

  readonly #operator: Operator

  constructor(around: Surroundings) {
    this.#around = around
    this.#operator = new Operator(around)
  }

  get #nodes(): readonly BrokerNode[] {
    return this.#around.cluster.brokers as readonly BrokerNode[]
  }

  schedule(plan: readonly PlannedFault[]): void {
    const { clock } = this.#around.platform
    for (const fault of plan) clock.setTimeout(() => this.#strike(fault), fault.atMs)
  }

  /** Whoever is down is started, whoever stands still goes on, and every line is whole. */
  heal(): void {
    this.#isOver = true
    const { platform, cluster } = this.#around
    cluster.note('everything is put right')
    platform.lines.heal()
    for (const node of this.#nodes) platform.drift(node.path, 0)
    for (const node of this.#nodes) this.#revive(node)
  }

  /** Brokers that ended themselves meanwhile are started again: called from time to time. */
  tend(): void {
    for (const node of this.#nodes)
      if (node.state === 'failed' || node.state === 'stopped' || node.state === 'killed')
        this.#revive(node)
  }

  /** As whoever supervises it would: after a pause. */
  reviveLater(node: BrokerNode): void {
    if (this.#reviving.has(node)) return
    this.#reviving.add(node)
    this.#around.platform.clock.setTimeout(() => {
      this.#reviving.delete(node)
      this.#revive(node)
    }, 500)
  }

  #revive(node: BrokerNode): void {
    if (node.state === 'paused') node.resume()
    if (node.state === 'running' || node.state === 'starting' || node.state === 'stopping') return
    node.start()
  }

  #later(fault: PlannedFault, undo: () => void): void {
    this.#around.platform.clock.setTimeout(() => {
      if (!this.#isOver) undo()
    }, fault.durationMs)
  }

  /** Often the one that matters: the controller, or a leader. */
  #broker(choice: number, ...states: BrokerNode['state'][]): BrokerNode | undefined {
    const fitting = this.#nodes.filter(node => states.includes(node.state))
    if (choice < 0.2) return fitting.find(node => node.isController) ?? fitting[0]
    return fitting[Math.floor(((choice - 0.2) / 0.8) * fitting.length)]
  }

  /** In some order; mostly as many as there are. */
  #someBrokers(choice: number): number[] {
    const random = seededRandom(Math.floor(choice * 0x7fffffff))
    const ids = this.#nodes
      .map(({ id }) => ({ id, rank: random.next() }))
      .sort((a, b) => a.rank - b.rank)
      .map(({ id }) => id)
    const share = random.next()
    return ids.slice(0, share < 0.5 ? ids.length : share < 0.85 ? ids.length - 1 : 1)
  }

  #strike(fault: PlannedFault): void {
    if (this.#isOver) return
    const said = this.#happen(fault)
    if (said === undefined) return
    const { cluster } = this.#around
    this.counts.set(fault.name, (this.counts.get(fault.name) ?? 0) + 1)
    cluster.note(`fault ${fault.number}: ${fault.name} ${said}, for ${fault.durationMs} ms`)
  }

  /** Blocks lines; the answer frees them. */
  #block(pairs: readonly (readonly [string, string])[]): () => void {
    const { lines } = this.#around.platform
    for (const [from, to] of pairs) lines.block(from, to)
    return () => {
      for (const [from, to] of pairs) lines.unblock(from, to)
    }
  }

  /** Both ways, or one of them. */
  #between(a: string, b: string, choice: number): (readonly [string, string])[] {
    const there = [a, b] as const
    const back = [b, a] as const
    return choice < 0.5 ? [there, back] : choice < 0.75 ? [there] : [back]
  }

  /** What was done, in words; undefined where there was nobody to do it to. */
  #happen(fault: PlannedFault): string | undefined {
    const { platform, workload, sometimes } = this.#around
    const { lines } = platform
    const [first, second, third] = fault.choices
    switch (fault.name) {
      case 'kill': {
        const node = this.#broker(first, 'running', 'starting', 'stopping', 'paused')
        if (node === undefined) return undefined
        if (node.isController) sometimes('controller killed')
        node.kill()
        this.#later(fault, () => this.#revive(node))
        return node.path
      }
      case 'power': {
        const node = this.#broker(first, 'running', 'starting', 'stopping', 'paused')
        const disk = node && platform.tornDisk(node.path)
        if (node === undefined || disk === undefined) return undefined
        node.kill()
        disk.crash()
        this.#later(fault, () => this.#revive(node))
        return node.path
      }
      case 'vanish': {
        const node = this.#broker(first, 'running')
        if (node === undefined) return undefined
        const others = ['zookeeper', ...this.#nodes.map(({ path }) => path), ...workload.clients]
        const free = this.#block(
          others
            .filter(other => other !== node.path)
            .flatMap(other => this.#between(node.path, other, 0)),
        )
        node.kill()
        this.#later(fault, () => {
          free()
          this.#revive(node)
        })
        return node.path
      }
      case 'stop': {
        const node = this.#broker(first, 'running')
        if (node === undefined) return undefined
        node.stop().catch(() => {})
        this.#later(fault, () => {
          if (node.state === 'stopping') {
            sometimes('controlled shutdown cut short')
            node.kill()
          }
          this.#revive(node)
        })
        return node.path
      }
      case 'pause': {
        const node = this.#broker(first, 'running')
        if (node === undefined) return undefined
        node.pause()
        this.#later(fault, () => {
          if (node.state === 'paused') node.resume()
        })
        return node.path
      }
      case 'expire': {
        const node = this.#broker(first, 'running', 'paused')
        if (node?.sessionId === undefined) return undefined
        node.expireSession()
        return node.path
      }
      case 'depose': {
        const controller = this.#nodes.find(node => node.isController)
        if (controller === undefined) return undefined
        // Now and then it does not hear of that for a while.
        const isCut = second < 0.6
        if (isCut) {
          const free = this.#block(this.#between('zookeeper', controller.path, third))
          this.#later(fault, free)
        }
        this.#operator.depose()
        return `${controller.path}${isCut ? ', cut off from ZooKeeper' : ''}`
      }
      case 'isolate': {
        const node = this.#broker(first, 'running')
        if (node === undefined) return undefined
        const others = ['zookeeper', ...this.#nodes.map(({ path }) => path)]
        const free = this.#block(
          others
            .filter(other => other !== node.path)
            .flatMap(other => this.#between(node.path, other, second)),
        )
        this.#later(fault, free)
        return `${node.path} from all but clients`
      }
      case 'partition': {
        const a = this.#broker(first, 'running')
        const rest = this.#nodes.filter(node => node !== a)
        const b = rest[Math.floor(second * rest.length)]
        if (a === undefined || b === undefined) return undefined
        const pairs = this.#between(a.path, b.path, third)
        this.#later(fault, this.#block(pairs))
        return pairs.map(pair => pair.join(' > ')).join(', ')
      }
      case 'zookeeper': {
        const node = this.#broker(first, 'running')
        if (node === undefined) return undefined
        const pairs = this.#between(node.path, 'zookeeper', third)
        this.#later(fault, this.#block(pairs))
        return pairs.map(pair => pair.join(' > ')).join(', ')
      }
      case 'client': {
        const node = this.#broker(first, 'running')
        const client = workload.clients[Math.floor(second * workload.clients.length)]
        if (node === undefined || client === undefined) return undefined
        const pairs = this.#between(client, node.path, third)
        this.#later(fault, this.#block(pairs))
        return pairs.map(pair => pair.join(' > ')).join(', ')
      }
      case 'reset': {
        const pair = lines.connections[Math.floor(first * lines.connections.length)]
        if (pair === undefined) return undefined
        return `${pair.join(' and ')}: ${lines.reset(...pair)} connections`
      }
      case 'half-open': {
        const pair = lines.connections[Math.floor(first * lines.connections.length)]
        if (pair === undefined) return undefined
        const [of, to] = second < 0.7 ? pair : [pair[1], pair[0]]
        return `${of} loses ${lines.halfOpen(of, to, fault.durationMs)} connections to ${to}`
      }
      case 'drift': {
        const node = this.#broker(first, 'running')
        if (node === undefined) return undefined
        const by = Math.round((second - 0.5) * 100) / 1000
        platform.drift(node.path, by)
        this.#later(fault, () => platform.drift(node.path, 0))
        return `${node.path} by ${by}`
      }
      case 'reassign': {
        const { partitions } = this.#around.cluster.state()
        const found = partitions[Math.floor(first * partitions.length)]
        if (found === undefined) return undefined
        const { topic, partition } = found
        const target = this.#someBrokers(second)
        const of = printPartition(found)
        if (third < 0.15) {
          this.#operator.reassign({ topic, partition, replicas: null })
          return `${of} stays where it was`
        }
        if (third < 0.4) {
          this.#operator.reassignByZnode({ topic, partition, replicas: target })
          return `${of} to ${target}, by znode`
        }
        this.#operator.reassign({ topic, partition, replicas: target })
        return `${of} to ${target}`
      }
      case 'member': {
        if (second < 0.6 && workload.leave('billing', first, third < 0.5)) {
          this.#later(fault, () => workload.join('billing'))
          return third < 0.5 ? 'killed' : 'leaves'
        }
        if (workload.members('billing').length > 4) return undefined
        workload.join('billing')
        return 'joins'
      }
    }
  }
}
