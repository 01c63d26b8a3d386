import { Observable } from 'rxjs'
import { errors } from '../../src/error.ts'
import { clientFrameBytesMax } from '../../src/limits.ts'
import type { Address, Timer } from '../../src/ports.ts'
import {
  type Api,
  ApiVersions,
  highestCommonVersion,
  isWithin,
  type RequestDraftOf,
  type ResponseOf,
  type SupportedApi,
} from '../../src/protocol/index.ts'
import { connectRequester, type Requester, RequestTimedOut } from '../requester.ts'
import type { World } from '../world.ts'
import { type KafkaError, kafkaError } from './kafka-error.ts'

export interface RequestOptions {
  readonly timeoutMs: number
  /** False: there is no answer (Produce with acks=0). Default true. */
  readonly answered?: boolean
  /** Not above this version, e.g. Fetch 12 while topic ids are not known. */
  readonly maxVersion?: number
}

/** What is asked; a function where it depends on the version. */
export type Body<A extends Api> = RequestDraftOf<A> | ((version: number) => RequestDraftOf<A>)

/** Failures of the connection, as a client reports them. */
export function connectionError(error: unknown): KafkaError {
  const code =
    error instanceof RequestTimedOut ? errors.REQUEST_TIMED_OUT : errors.NETWORK_EXCEPTION
  return kafkaError(code, error instanceof Error ? error.message : String(error))
}

/**
 * A connection to one broker that knows what the broker speaks: it asks ApiVersions first, and each request goes in the
 * highest version that both have. What is asked earlier waits for that.
 */
export class BrokerConnection {
  readonly address: Address
  #requester: Requester | undefined
  #timer: Timer | undefined
  readonly #world: World
  readonly #setupTimeoutMs: number
  #ranges: ReadonlyMap<number, SupportedApi> | undefined
  #failure: KafkaError | undefined
  #waiting: { run(): void; fail(error: KafkaError): void }[] = []
  readonly #settled: (failure: KafkaError | null) => void
  #asked = 0

  /**
   * @param options.delayMs how long to wait before connecting, after earlier failures
   * @param options.setupTimeoutMs until the broker has said what it speaks
   * @param options.settled hears once whether that worked (null), and once more when the connection is gone
   */
  constructor(
    world: World,
    address: Address,
    options: {
      readonly clientId: string
      readonly delayMs: number
      readonly setupTimeoutMs: number
      settled(failure: KafkaError | null): void
    },
  ) {
    this.address = address
    this.#setupTimeoutMs = options.setupTimeoutMs
    this.#settled = options.settled
    this.#world = world
    // Also without a delay not at once: `settled` must not be called before the constructor has answered.
    this.#timer = world.platform.clock.setTimeout(() => {
      const requester = connectRequester(world, address, {
        clientId: options.clientId,
        path: world.name,
        frameBytesMax: clientFrameBytesMax,
      })
      this.#requester = requester
      requester.closed.subscribe(error =>
        this.#fail(connectionError(error ?? `${address.host}:${address.port} closed it`)),
      )
      this.#negotiate(requester, ApiVersions.versions[1])
    }, options.delayMs)
  }

  get isReady(): boolean {
    return this.#ranges !== undefined && this.#failure === undefined
  }

  /** Requests that have no answer yet, those that wait for the connection too. */
  get inFlight(): number {
    return this.#asked
  }

  /** The version a request would go in; null where the broker does not have the API, or is not known yet. */
  version(api: Api, maxVersion = Number.MAX_SAFE_INTEGER): number | null {
    const range = this.#ranges?.get(api.key)
    const peer = range && { ...range, maxVersion: Math.min(range.maxVersion, maxVersion) }
    return highestCommonVersion(api, peer)
  }

  /** Asks on subscription; emits the answer once (nothing where there is none) or fails with a KafkaError. */
  request<A extends Api>(
    api: A,
    body: Body<A>,
    options: RequestOptions,
  ): Observable<ResponseOf<A>> {
    return new Observable<ResponseOf<A>>(subscriber => {
      this.#asked++
      subscriber.add(() => this.#asked--)
      const fail = (error: KafkaError): void => subscriber.error(error)
      const run = (): void => {
        const requester = this.#requester
        if (subscriber.closed || requester === undefined) return
        const version = this.version(api, options.maxVersion)
        if (version === null) {
          fail(kafkaError(errors.UNSUPPORTED_VERSION, `the broker has no ${api.name} for us`))
          return
        }
        const draft = typeof body === 'function' ? body(version) : body
        subscriber.add(
          requester.request(api, version, draft, options).subscribe({
            next: answer => subscriber.next(answer),
            error: error => {
              // A request that timed out has closed the connection without another word.
              if (!requester.isOpen) this.#fail(connectionError(error))
              fail(connectionError(error))
            },
            complete: () => subscriber.complete(),
          }),
        )
      }
      if (this.#failure !== undefined) fail(this.#failure)
      else if (this.#ranges !== undefined) run()
      else this.#waiting.push({ run, fail })
    })
  }

  close(): void {
    this.#world.platform.clock.clearTimeout(this.#timer)
    this.#requester?.close()
    this.#fail(connectionError('closed by the client'))
  }

  #negotiate(requester: Requester, version: number): void {
    const body = { clientSoftwareName: 'samsa', clientSoftwareVersion: '0.1.0' }
    requester.request(ApiVersions, version, body, { timeoutMs: this.#setupTimeoutMs }).subscribe({
      next: ({ errorCode, apiKeys }) => {
        if (errorCode === errors.UNSUPPORTED_VERSION) {
          // KIP-511: the answer says which versions of ApiVersions there are; 0 always is.
          const range = apiKeys.find(({ apiKey }) => apiKey === ApiVersions.key)
          const lower = range && isWithin(range.maxVersion, [0, version - 1]) ? range.maxVersion : 0
          if (version > 0) return this.#negotiate(requester, lower)
        }
        if (errorCode !== errors.NONE) {
          requester.close()
          return this.#fail(kafkaError(errorCode))
        }
        this.#ranges = new Map(apiKeys.map(range => [range.apiKey, range]))
        this.#settled(null)
        const waiting = this.#waiting
        this.#waiting = []
        for (const { run } of waiting) run()
      },
      error: error => {
        requester.close()
        this.#fail(connectionError(error))
      },
    })
  }

  #fail(error: KafkaError): void {
    if (this.#failure !== undefined) return
    this.#failure = error
    const waiting = this.#waiting
    this.#waiting = []
    this.#settled(error)
    for (const { fail } of waiting) fail(error)
  }
}
