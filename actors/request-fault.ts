/// <reference lib="esnext.disposable" preserve="true" />
import { isObservable, map, of, throwError } from 'rxjs'
import { type ErrorName, errors } from '../src/error.ts'
import type { Random } from '../src/ports.ts'
import {
  type Api,
  type DecodedRequest,
  errorSite,
  Fetch,
  Metadata,
  namesTopics,
  Produce,
  placeError,
  type RequestOf,
  type ResponseDraftOf,
  type Thing,
  thingsOf,
  type Values,
} from '../src/protocol/index.ts'
import type { BrokerWorld } from './broker/broker-world.ts'
import type { Call } from './broker/handler.ts'
import type { Outcome } from './broker/request-faults.ts'
import type { FaultHandle, FaultScope } from './fault-handle.ts'
import type { Trace } from './trace.ts'

export type FaultEffect =
  | { readonly kind: 'error'; readonly error: ErrorName; readonly handled: boolean }
  | { readonly kind: 'delay'; readonly ms: number }
  | { readonly kind: 'disconnect'; readonly handled: boolean }
  | { readonly kind: 'blackhole' }

/** The connection is closed where the answer would have been. */
class InjectedDisconnect extends Error {
  override readonly name = 'InjectedDisconnect'
}

/** Errors that Kafka says of topics and partitions, never of a whole request where it has the choice. */
const ofThings: ReadonlySet<string> = new Set<ErrorName>([
  'OFFSET_OUT_OF_RANGE',
  'CORRUPT_MESSAGE',
  'UNKNOWN_TOPIC_OR_PARTITION',
  'LEADER_NOT_AVAILABLE',
  'NOT_LEADER_OR_FOLLOWER',
  'REPLICA_NOT_AVAILABLE',
  'MESSAGE_TOO_LARGE',
  'OFFSET_METADATA_TOO_LARGE',
  'INVALID_TOPIC_EXCEPTION',
  'NOT_ENOUGH_REPLICAS',
  'NOT_ENOUGH_REPLICAS_AFTER_APPEND',
  'TOPIC_AUTHORIZATION_FAILED',
  'KAFKA_STORAGE_ERROR',
  'FENCED_LEADER_EPOCH',
  'UNKNOWN_LEADER_EPOCH',
  'OFFSET_NOT_AVAILABLE',
  'UNSTABLE_OFFSET_COMMIT',
  'UNKNOWN_TOPIC_ID',
  'INCONSISTENT_TOPIC_ID',
])

interface Surroundings {
  readonly random: Random
  readonly trace: Trace
  ended(fault: RequestFault): void
}

/** A fault that requests meet at a broker's door. */
export class RequestFault implements FaultHandle {
  readonly what: string
  readonly optional: boolean
  readonly effect: FaultEffect
  readonly #around: Surroundings
  /** Null: any. */
  readonly #api: Api | null
  readonly #scope: FaultScope
  readonly #releases = new Set<() => void>()
  #fired = 0
  #letThrough = 0
  #isRemoved = false

  /** @throws RangeError for an error or scope that cannot be */
  constructor(around: Surroundings, api: Api | null, effect: FaultEffect, scope: FaultScope) {
    this.#around = around
    this.#api = api
    this.effect = effect
    this.#scope = scope
    this.optional = scope.optional ?? false
    this.what = describe(api, effect, scope)
    if (effect.kind === 'error' && (errors[effect.error] ?? 0) === 0)
      throw new RangeError(
        `${this.what}: ${effect.error} is no error of Kafka's; use its name, as NOT_LEADER_OR_FOLLOWER`,
      )
    for (const key of ['times', 'after'] as const) {
      const given = scope[key]
      if (given !== undefined && !(Number.isInteger(given) && given >= 0))
        throw new RangeError(`${this.what}: ${key} must be a whole number from 0, not ${given}`)
    }
    if (scope.partition !== undefined && scope.topic === undefined)
      throw new RangeError(
        `${this.what}: partition ${scope.partition} of which topic? Give topic too`,
      )
    if (api !== null && scope.topic !== undefined && !this.#knowsTopics(api))
      throw new RangeError(
        `${this.what}: a ${api.name} request names no ${effect.kind === 'error' ? 'topic that could be refused' : 'topics'}; ` +
          'leave topic and partition out, or name another API',
      )
  }

  get fired(): number {
    return this.#fired
  }

  get isActive(): boolean {
    return !this.#isRemoved && this.#fired < (this.#scope.times ?? Number.POSITIVE_INFINITY)
  }

  remove(): void {
    if (this.#isRemoved) return
    this.#isRemoved = true
    this.#around.ended(this)
    for (const release of this.#releases) release()
    this.#releases.clear()
  }

  [Symbol.dispose](): void {
    this.remove()
  }

  /** Whether it is for this request; a request that is let through is counted. */
  fits(broker: BrokerWorld, request: DecodedRequest, call: Call): boolean {
    const { clientId, topic, after = 0, probability = 1 } = this.#scope
    if (!this.isActive || request.unsupported) return false
    if (this.#api !== null && this.#api.key !== request.api.key) return false
    if (this.#scope.broker !== undefined && this.#scope.broker !== broker.brokerId) return false
    if (clientId === undefined) {
      if (isFromBroker(request.body)) return false
    } else if (
      typeof clientId === 'string'
        ? clientId !== call.clientId
        : !clientId.test(call.clientId ?? '')
    )
      return false
    if (topic !== undefined) {
      const things = thingsOf(request.api.request, asked(broker, request))
      if (!things.some(thing => thing === null || this.#names(broker, thing))) return false
    }
    if (this.effect.kind === 'error' && this.#site(request.api, request.version) === undefined)
      return false
    if (probability < 1 && this.#around.random.next() >= probability) return false
    if (this.#letThrough < after) {
      this.#letThrough++
      return false
    }
    return true
  }

  /** It has an effect on a request. */
  bite(broker: BrokerWorld, request: DecodedRequest, call: Call): void {
    this.#fired++
    const from = call.clientId ?? 'a client without a name'
    this.#around.trace.record(
      'note',
      'story',
      `fault: ${request.api.name} of ${from} to ${broker.name} ${met(this.effect)}`,
      { fault: this.what, fired: this.#fired },
    )
    if (!this.isActive) this.#around.ended(this)
  }

  /** Keeps a request waiting; on the broker's own clock, which stands still while the broker does. */
  hold(broker: BrokerWorld, release: () => void): void {
    const { clock } = broker.platform
    if (this.effect.kind === 'delay') clock.setTimeout(release, this.effect.ms)
    else if (this.#isRemoved) clock.setTimeout(release, 0)
    else this.#releases.add(() => clock.setTimeout(release, 0))
  }

  /** What it does in the handler's place. */
  perform(
    broker: BrokerWorld,
    request: DecodedRequest,
    call: Call,
    handle: (body: RequestOf<Api>) => Outcome,
  ): Outcome {
    const { effect } = this
    // Another request may have met it meanwhile.
    if (!this.isActive) return handle(request.body)
    const close = throwError(() => new InjectedDisconnect(this.what))
    if (effect.kind === 'disconnect') {
      this.bite(broker, request, call)
      if (!effect.handled) return close
      const outcome = handle(request.body)
      return isObservable(outcome)
        ? outcome.pipe(
            map((): never => {
              throw new InjectedDisconnect(this.what)
            }),
          )
        : close
    }
    const { api, version } = request
    const site = this.#site(api, version)
    if (effect.kind !== 'error' || site === undefined) return handle(request.body)
    const body = asked(broker, request)
    const code = errors[effect.error]
    const placement = placeError(api, version, body, code, site, thing =>
      this.#names(broker, thing),
    )
    if (placement.named > 0) this.bite(broker, request, call)
    // Who asks for no answer learns of an error by a closed connection.
    if (api.key === Produce.key && body.acks === 0 && !effect.handled) return close
    const answer = (given: ResponseDraftOf<Api> | null): ResponseDraftOf<Api> | null => {
      if (given === null) return null
      const { body: said, placed } = placement.answer(given)
      if (placement.named === 0 && placed > 0 && this.isActive) this.bite(broker, request, call)
      return said
    }
    const isWhole = site.levels.length === 0
    const rest = effect.handled ? request.body : isWhole ? null : remaining(request, placement.rest)
    if (rest === null) return placement.answer(null).body
    const outcome = handle(rest)
    return isObservable(outcome)
      ? outcome.pipe(map(answer))
      : outcome === null
        ? null
        : of(answer(outcome))
  }

  #site(api: Api, version: number): ReturnType<typeof errorSite> {
    const { topic, partition } = this.#scope
    const { effect } = this
    const each = topic !== undefined || (effect.kind === 'error' && ofThings.has(effect.error))
    return errorSite(api, version, each ? 'each' : 'whole', {
      topic: topic !== undefined,
      partition: partition !== undefined,
    })
  }

  #knowsTopics(api: Api): boolean {
    if (this.effect.kind === 'error') return this.#site(api, api.versions[1]) !== undefined
    return namesTopics(api.request)
  }

  #names(broker: BrokerWorld, thing: Thing): boolean {
    const { topic, partition } = this.#scope
    if (topic === undefined) return true
    const name =
      thing.topic ?? (thing.topicId === undefined ? undefined : topicNamed(broker, thing.topicId))
    return (
      name === topic && (partition === undefined || (thing.partition ?? partition) === partition)
    )
  }
}

const topicNamed = (broker: BrokerWorld, topicId: string): string | undefined =>
  broker.metadata.topicName(topicId) ?? broker.partitions.topicName(topicId)

/** A follower's fetch, and what else replicas ask of each other. */
function isFromBroker(body: Values): boolean {
  const state = body.replicaState as { readonly replicaId?: number } | undefined
  return Math.max(Number(body.replicaId ?? -1), state?.replicaId ?? -1) >= 0
}

/** The request with what its fetch session adds to it. */
function asked(broker: BrokerWorld, { api, body }: DecodedRequest): Values {
  if (api.key !== Fetch.key) return body
  const { sessionId, sessionEpoch, topics } = body as RequestOf<typeof Fetch>
  if (sessionId === 0 || sessionEpoch <= 0) return body
  const more = broker.partitions.fetchSessions.wantedBy(sessionId).map(it => ({
    topic: it.topic,
    topicId: it.topicId,
    partitions: [it.wanted],
  }))
  return { ...body, topics: [...topics, ...more] }
}

/** What is still asked of the handler. A refused fetch is part of its session, and answers at once; metadata has its brokers. */
function remaining({ api, body }: DecodedRequest, rest: Values | null): RequestOf<Api> | null {
  if (api.key === Fetch.key) return { ...body, maxWaitMs: 0 }
  if (api.key === Metadata.key) return rest ?? { ...body, topics: [] }
  return rest
}

const met = (effect: FaultEffect): string => {
  switch (effect.kind) {
    case 'error':
      return `meets ${effect.error}`
    case 'delay':
      return `waits ${effect.ms} ms`
    case 'disconnect':
      return effect.handled ? 'is handled, its answer lost' : 'is cut off'
    case 'blackhole':
      return 'falls into a black hole'
  }
}

function describe(api: Api | null, effect: FaultEffect, scope: FaultScope): string {
  const what = {
    error: 'injectError',
    delay: 'delayOn',
    disconnect: 'disconnectOn',
    blackhole: 'blackholeClient',
  }[effect.kind]
  const { error, ms } = effect as { error?: string; ms?: number }
  const of = Object.entries(scope)
    .filter(([key]) => key !== 'optional')
    .map(([key, value]) => `${key} ${value}`)
    .join(', ')
  return [what, api?.name, error, ms === undefined ? undefined : `${ms} ms`, of && `(${of})`]
    .filter(Boolean)
    .join(' ')
}
