/** What is wrong with one record of a batch, as Produce v8+ reports it. */
export interface RecordError {
  /** The record's place in its batch, from 0. */
  readonly batchIndex: number
  readonly message: string
}

/** Records that are not taken: a value, not an exception. `errorCode` is one of src/error.ts. */
export interface Refusal {
  readonly ok: false
  readonly errorCode: number
  readonly message: string
  readonly recordErrors?: readonly RecordError[]
}

export const refusal = (
  errorCode: number,
  message: string,
  recordErrors?: readonly RecordError[],
): Refusal =>
  recordErrors === undefined
    ? { ok: false, errorCode, message }
    : { ok: false, errorCode, message, recordErrors }
