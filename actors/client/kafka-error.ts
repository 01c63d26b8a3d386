import { errorMessage, errorName, isRetriable } from '../../src/error.ts'

/**
 * What a client's Observables fail with: Kafka's code, its name, and whether trying again may help. Failures that no
 * broker sent bear −1 and a name of ours, e.g. `CLIENT_CLOSED`.
 */
export class KafkaError extends Error {
  /** As in src/error.ts. */
  readonly code: number
  /** `NOT_LEADER_OR_FOLLOWER`. */
  override readonly name: string
  readonly retriable: boolean

  constructor(code: number, name: string, retriable: boolean, message: string) {
    super(message)
    this.code = code
    this.name = name
    this.retriable = retriable
  }
}

/** The error of a broker's code. `detail` says more than Kafka's own sentence, e.g. an answer's `errorMessage`. */
export const kafkaError = (code: number, detail?: string | null): KafkaError =>
  new KafkaError(
    code,
    errorName(code),
    isRetriable(code),
    detail ?? errorMessage(code) ?? errorName(code),
  )

/** A failure of the client's own. */
export const clientError = (
  name:
    | 'CLIENT_CLOSED'
    | 'BUFFER_EXHAUSTED'
    | 'INVALID_CONFIG'
    /** `auto.offset.reset` is none, and the group has committed nothing. */
    | 'NO_OFFSET_FOR_PARTITION'
    /** `auto.offset.reset` is none, and the log no longer has what was read. */
    | 'LOG_TRUNCATION'
    | 'NOT_ASSIGNED',
  message: string,
): KafkaError => new KafkaError(-1, name, name === 'BUFFER_EXHAUSTED', message)
