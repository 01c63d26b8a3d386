/// <reference lib="esnext.disposable" preserve="true" />
import type { ErrorName } from '../src/error.ts'
import { faultsMax } from '../src/limits.ts'
import type { Platform } from '../src/ports.ts'
import { type ApiName, apis, type DecodedRequest } from '../src/protocol/index.ts'
import type { BrokerWorld } from './broker/broker-world.ts'
import type { Call } from './broker/handler.ts'
import type { Fate, RequestFaults } from './broker/request-faults.ts'
import type { FaultHandle, FaultScope } from './fault-handle.ts'
import type { LinkOperators } from './line-operators.ts'
import type { Lines } from './lines.ts'
import {
  cutLinks,
  isolateNode,
  type LatencyScope,
  type NodeName,
  operateLink,
  slowLinks,
} from './link-faults.ts'
import { type FaultEffect, RequestFault } from './request-fault.ts'
import type { Trace } from './trace.ts'

/**
 * Faults on purpose, in the words of Kafka's own fault proxy (KAFKA-21074). They stand at the brokers' door: what a request
 * meets there it meets by every client and on every platform. Where several fit a request, it waits for all that delay it, and the
 * first set of the others decides. Inter-broker fetches meet only faults that name their `clientId`.
 *
 * @throws RangeError (all of them) for what cannot be: an unknown API or error, a topic where the API knows none
 */
export interface Faults {
  /**
   * Requests are answered with an error, placed where Kafka places it, and have no effect.
   *
   * @param scope.handled they take effect, and the answer says the error all the same
   */
  injectError(
    api: ApiName,
    error: ErrorName,
    scope?: FaultScope & { readonly handled?: boolean },
  ): FaultHandle
  /** Requests wait before they are looked at, and those behind them on their connection with them. */
  delayOn(api: ApiName, ms: number, scope?: FaultScope): FaultHandle
  /**
   * The connection is closed instead of an answer, and the request has no effect.
   *
   * @param scope.handled it takes effect, and its answer is lost
   */
  disconnectOn(api: ApiName, scope?: FaultScope & { readonly handled?: boolean }): FaultHandle
  /** What this client asks is not looked at; when the fault is removed it is, as if a cable were plugged in again. */
  blackholeClient(
    clientId: string | RegExp,
    scope?: Pick<FaultScope, 'broker' | 'optional'>,
  ): FaultHandle
  /**
   * Cuts all lines between nodes of different groups: `partition([[1], [2, 3, 'zookeeper']])`. What is written waits until it is
   * removed, new connections too, unless they time out; nobody learns of a connection's end.
   */
  partition(groups: readonly (readonly NodeName[])[]): FaultHandle
  /** Cuts a node's lines to all others: brokers, ZooKeeper, clients. */
  isolate(node: NodeName): FaultHandle
  /** What is sent arrives so many ms later, in order; on all lines, or `of` one node, or `between` two. */
  latency(ms: number, scope?: LatencyScope): FaultHandle
  /**
   * Gives the frames of a link to RxJS: those of the connections that `from` opens to `to`, both ways. See {@link LinkOperators}.
   * `cluster.link` is the same.
   */
  link(
    from: NodeName,
    to: NodeName,
    operators: LinkOperators,
    options?: { readonly optional?: boolean },
  ): FaultHandle
  /** Removes all that are of links: what they held goes on. */
  heal(): void
  /** All that were ever set, oldest first, at most the last thousand. */
  readonly all: readonly FaultHandle[]
  /** Removes all that are active. */
  clear(): void
}

/** The faults of one cluster: set by whoever tests, met by its brokers. */
export class ClusterFaults implements Faults, RequestFaults {
  readonly #platform: Platform
  readonly #trace: Trace
  readonly #lines: Lines
  readonly #nodes: () => readonly string[]
  #all: FaultHandle[] = []
  #active: RequestFault[] = []
  #ofLines: FaultHandle[] = []

  /** @param nodes names of all nodes there are now */
  constructor(platform: Platform, trace: Trace, lines: Lines, nodes: () => readonly string[]) {
    this.#platform = platform
    this.#trace = trace
    this.#lines = lines
    this.#nodes = nodes
  }

  get all(): readonly FaultHandle[] {
    return this.#all
  }

  injectError(
    api: ApiName,
    error: ErrorName,
    scope: FaultScope & { readonly handled?: boolean } = {},
  ): FaultHandle {
    return this.#set(api, { kind: 'error', error, handled: scope.handled ?? false }, scope)
  }

  delayOn(api: ApiName, ms: number, scope: FaultScope = {}): FaultHandle {
    if (!(ms >= 0 && ms < 2 ** 31))
      throw new RangeError(`delayOn ${api}: ${ms} is no time to wait, give milliseconds from 0`)
    return this.#set(api, { kind: 'delay', ms }, scope)
  }

  disconnectOn(api: ApiName, scope: FaultScope & { readonly handled?: boolean } = {}): FaultHandle {
    return this.#set(api, { kind: 'disconnect', handled: scope.handled ?? false }, scope)
  }

  blackholeClient(
    clientId: string | RegExp,
    scope: Pick<FaultScope, 'broker' | 'optional'> = {},
  ): FaultHandle {
    return this.#set(null, { kind: 'blackhole' }, { ...scope, clientId })
  }

  partition(groups: readonly (readonly NodeName[])[]): FaultHandle {
    return this.#keepOfLines(cutLinks(this.#lines, groups, this.#known()))
  }

  isolate(node: NodeName): FaultHandle {
    return this.#keepOfLines(isolateNode(this.#lines, node, this.#known()))
  }

  latency(ms: number, scope: LatencyScope = {}): FaultHandle {
    return this.#keepOfLines(slowLinks(this.#lines, ms, scope, this.#known()))
  }

  link(
    from: NodeName,
    to: NodeName,
    operators: LinkOperators,
    { optional = false }: { readonly optional?: boolean } = {},
  ): FaultHandle {
    return this.#keepOfLines(operateLink(this.#lines, from, to, operators, this.#known(), optional))
  }

  heal(): void {
    for (const fault of this.#ofLines) fault.remove()
    this.#ofLines = []
  }

  clear(): void {
    for (const fault of this.#all) fault.remove()
  }

  meet(broker: BrokerWorld, request: DecodedRequest, call: Call): Fate | undefined {
    if (this.#active.length === 0) return undefined
    const held: RequestFault[] = []
    let decisive: RequestFault | undefined
    for (const fault of [...this.#active]) {
      const holds = fault.effect.kind === 'delay' || fault.effect.kind === 'blackhole'
      if (!holds && decisive !== undefined) continue
      if (!fault.fits(broker, request, call)) continue
      if (holds) held.push(fault)
      else decisive = fault
    }
    if (held.length === 0 && decisive === undefined) return undefined
    for (const fault of held) fault.bite(broker, request, call)
    return {
      hold:
        held.length === 0
          ? undefined
          : release => {
              const next = (): void => {
                const fault = held.shift()
                if (fault === undefined) release()
                else fault.hold(broker, next)
              }
              next()
            },
      perform: handle =>
        decisive === undefined
          ? handle(request.body)
          : decisive.perform(broker, request, call, handle),
    }
  }

  #keepOfLines(fault: FaultHandle): FaultHandle {
    this.#ofLines = [...this.#ofLines.filter(({ isActive }) => isActive), fault]
    return this.#keep(fault)
  }

  #known(): readonly string[] {
    return [...new Set([...this.#nodes(), ...this.#lines.guests])]
  }

  #set(api: ApiName | null, effect: FaultEffect, scope: FaultScope): FaultHandle {
    if (this.#active.length >= faultsMax)
      throw new RangeError(`${faultsMax} faults stand already: remove() some, or clear() all`)
    const fault = new RequestFault(
      { random: this.#platform.random, trace: this.#trace, ended: it => this.#ended(it) },
      api === null ? null : apis[apiNamed(api)],
      effect,
      scope,
    )
    this.#active.push(fault)
    return this.#keep(fault)
  }

  #keep<F extends FaultHandle>(fault: F): F {
    this.#trace.record('note', 'story', `fault set: ${fault.what}`)
    this.#all = [...this.#all.slice(1 - faultsMax), fault]
    return fault
  }

  #ended(fault: RequestFault): void {
    this.#active = this.#active.filter(other => other !== fault)
  }
}

/** Kafka spells them as its messages (`ListOffsets`) and as constants (`LIST_OFFSETS`). */
function apiNamed(name: string): ApiName {
  const plain = (text: string): string => text.replaceAll('_', '').toLowerCase()
  const found = Object.keys(apis).find(known => plain(known) === plain(name))
  if (found === undefined)
    throw new RangeError(
      `there is no API ${name}: use the name of its messages, as Kafka spells it: ${Object.keys(apis).join(', ')}`,
    )
  return found as ApiName
}
