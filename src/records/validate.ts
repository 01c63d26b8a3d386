/**
 * What a leader checks before appending. A refusal is a value.
 *
 * After ProduceRequest.validateRecords, UnifiedLog.analyzeAndValidateRecords and LogValidator, in their
 * order. Stricter than they are in a few things no client sends: offset deltas that do not go up by
 * one, idempotent fields that contradict each other, timestamps beyond 2⁵³.
 */
import { MalformedFrame } from '../binary/reader.ts'
import { errors } from '../error.ts'
import { noProducerId, noTimestamp, type RecordBatch, splitBatches } from './batch.ts'
import { type Compression, CorruptCompression } from './compression.ts'
import { outlineRecords, type RecordsOutline, type TimestampBounds } from './record.ts'
import { type Refusal, refusal } from './refusal.ts'

export interface AppendRules {
  /** `client`: everything. `coordinator`: our own writer, whose batches may be many and control batches. */
  readonly origin: 'client' | 'coordinator'
  readonly nowMs: number
  /** `max.message.bytes`, of one batch */
  readonly maxMessageBytes: number
  /** `segment.bytes`, of all batches of one append */
  readonly segmentBytes: number
  /** `cleanup.policy` has `compact`: records need keys */
  readonly compacts: boolean
  readonly timestampType: 'CreateTime' | 'LogAppendTime'
  readonly timestampBeforeMaxMs: number
  readonly timestampAfterMaxMs: number
  /** False for Produce below v7, whose clients do not know zstd (KIP-110). */
  readonly allowsZstd?: boolean
  /** To look for keys in compressed batches of a compacted topic; where it lacks the codec, they are taken as they are. */
  readonly compression?: Compression | undefined
}

/** A batch that may be appended, and the greatest timestamp in it, whatever its header says. */
export interface ValidBatch {
  readonly batch: RecordBatch
  readonly maxTimestamp: number
}

export interface ValidBatches {
  readonly ok: true
  readonly batches: readonly ValidBatch[]
}

/** The batches of an append with what the leader must know of them, or why they are refused. */
export function validate(records: Uint8Array, rules: AppendRules): ValidBatches | Refusal {
  const split = splitBatches(records)
  const structural = checkSplit(split, rules)
  if (structural !== null) return structural
  const batches: ValidBatch[] = []
  for (const batch of split.batches) {
    const refused = checkBatch(batch, rules)
    if (refused !== null) return refused
    const valid = checkRecords(batch, rules)
    if ('ok' in valid) return valid
    batches.push(valid)
  }
  if (split.sizeBytes > rules.segmentBytes)
    return refusal(
      errors.RECORD_LIST_TOO_LARGE,
      `${split.sizeBytes} bytes of records, a segment takes ${rules.segmentBytes}`,
    )
  return { ok: true, batches }
}

function checkSplit(
  { batches, end, oldMagic }: ReturnType<typeof splitBatches>,
  rules: AppendRules,
): Refusal | null {
  if (oldMagic !== null)
    return refusal(errors.INVALID_RECORD, `message format v${oldMagic}; v2 is the only one taken`)
  if (end === 'malformed')
    return refusal(errors.CORRUPT_MESSAGE, 'the bytes are not a record batch')
  const [first] = batches
  if (first === undefined) return refusal(errors.INVALID_RECORD, 'there is no whole record batch')
  if (rules.origin === 'client' && batches.length > 1)
    return refusal(errors.INVALID_RECORD, `${batches.length} record batches; exactly one is taken`)
  return null
}

/** What the header tells. */
function checkBatch(batch: RecordBatch, rules: AppendRules): Refusal | null {
  const client = rules.origin === 'client'
  const { compression, sizeBytes } = batch
  if (compression === undefined)
    return refusal(errors.UNSUPPORTED_COMPRESSION_TYPE, `compression ${batch.compressionId}`)
  if (compression === 'zstd' && rules.allowsZstd === false)
    return refusal(errors.UNSUPPORTED_COMPRESSION_TYPE, 'zstd needs Produce v7')
  if (client && batch.baseOffset !== 0)
    return refusal(errors.INVALID_RECORD, `a base offset of ${batch.baseOffset}; it must be 0`)
  if (sizeBytes > rules.maxMessageBytes)
    return refusal(
      errors.MESSAGE_TOO_LARGE,
      `a batch of ${sizeBytes} bytes; at most ${rules.maxMessageBytes} are taken`,
    )
  if (!batch.hasValidCrc)
    return refusal(errors.CORRUPT_MESSAGE, `the checksum ${batch.crc} does not match`)
  const { recordCount, lastOffsetDelta } = batch
  if (lastOffsetDelta < 0 || recordCount <= 0 || lastOffsetDelta + 1 !== recordCount)
    return refusal(
      errors.INVALID_RECORD,
      `${recordCount} records, the last at offset delta ${lastOffsetDelta}`,
    )
  return client ? checkClientFields(batch) : null
}

function checkClientFields(batch: RecordBatch): Refusal | null {
  const { producerId, producerEpoch, baseSequence } = batch
  if (batch.isControl)
    return refusal(errors.INVALID_RECORD, 'clients may not write control records')
  if (producerId > noProducerId) {
    if (!Number.isSafeInteger(producerId))
      return refusal(errors.INVALID_RECORD, `a producer id of ${producerId}`)
    if (baseSequence < 0)
      return refusal(
        errors.INVALID_RECORD,
        `a sequence number of ${baseSequence} from producer ${producerId}`,
      )
    if (producerEpoch < 0)
      return refusal(
        errors.INVALID_RECORD,
        `a producer epoch of ${producerEpoch} from producer ${producerId}`,
      )
  } else if (batch.isTransactional) {
    return refusal(errors.INVALID_RECORD, 'a transactional batch without a producer id')
  }
  return null
}

/** What the records tell. Of a compressed batch only the header is known, unless keys must be looked for. */
function checkRecords(batch: RecordBatch, rules: AppendRules): ValidBatch | Refusal {
  if (rules.origin === 'client' && batch.isLogAppendTime)
    return refusal(errors.INVALID_TIMESTAMP, 'a producer does not set the log append time')
  const createTime = rules.timestampType === 'CreateTime'
  const bounds: TimestampBounds = {
    earliest: createTime ? rules.nowMs - rules.timestampBeforeMaxMs : Number.MIN_SAFE_INTEGER,
    latest: createTime ? rules.nowMs + rules.timestampAfterMaxMs : Number.MAX_SAFE_INTEGER,
  }
  const outline = outlineOf(batch, bounds, rules)
  if ('ok' in outline) return outline
  const refused = (errorCode: number, indexes: readonly number[], message: string) =>
    refusal(
      errorCode,
      message,
      indexes.map(batchIndex => ({ batchIndex, message })),
    )
  const { keyless, untimely, maxTimestamp } = outline
  if (untimely.length > 0)
    return refused(
      errors.INVALID_TIMESTAMP,
      untimely,
      `the timestamp is not between ${bounds.earliest} and ${bounds.latest}`,
    )
  if (rules.compacts && keyless.length > 0 && !batch.isControl)
    return refused(
      errors.INVALID_RECORD,
      keyless,
      'a compacted topic takes no record without a key',
    )
  return { batch, maxTimestamp }
}

function isLookedInto({ compression: codec }: RecordBatch, rules: AppendRules): boolean {
  if (codec === 'none') return true
  return rules.compacts && codec !== undefined && rules.compression?.supports(codec) === true
}

function outlineOf(
  batch: RecordBatch,
  bounds: TimestampBounds,
  rules: AppendRules,
): RecordsOutline | Refusal {
  const { baseTimestamp, maxTimestamp } = batch
  if (!Number.isSafeInteger(baseTimestamp) || !Number.isSafeInteger(maxTimestamp))
    return refusal(errors.INVALID_TIMESTAMP, `timestamps ${baseTimestamp} to ${maxTimestamp}`)
  if (isLookedInto(batch, rules)) {
    try {
      return outlineRecords(batch, bounds, rules.compression)
    } catch (error) {
      if (!(error instanceof MalformedFrame)) throw error
      const corrupt = error instanceof CorruptCompression
      return refusal(corrupt ? errors.CORRUPT_MESSAGE : errors.INVALID_RECORD, error.message)
    }
  }
  const late = maxTimestamp > bounds.latest
  const early = baseTimestamp !== noTimestamp && baseTimestamp < bounds.earliest
  return { maxTimestamp, keyless: [], untimely: late || early ? [0] : [] }
}
