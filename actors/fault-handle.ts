/// <reference lib="esnext.disposable" preserve="true" />

/** Which requests a fault is for; what is not said holds for all. */
export interface FaultScope {
  /** A topic that the request names. Of several topics in one request only this one is refused. */
  readonly topic?: string
  readonly partition?: number
  /** The client's own name for itself, `client.id`. */
  readonly clientId?: string | RegExp
  /** The broker that is asked. */
  readonly broker?: number
  /** So many requests at most. Default: all until it is removed. */
  readonly times?: number
  /** So many fitting requests are let through first. Default 0. */
  readonly after?: number
  /** Only some requests, drawn from the platform's seed. Default 1: each. */
  readonly probability?: number
  /** It may as well never fire. Default false: a test whose fault never fired has tested nothing, and fails. */
  readonly optional?: boolean
}

/** A fault that was set. */
export interface FaultHandle extends Disposable {
  /** What it is, in words: for errors and the story. */
  readonly what: string
  /** How often it has bitten. */
  readonly fired: number
  readonly optional: boolean
  /** Neither removed nor used up. */
  readonly isActive: boolean
  /** Takes it away; what it holds up goes on. Any number of times. */
  remove(): void
}
