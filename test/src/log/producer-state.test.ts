import { expect, test } from 'vitest'
import { MalformedFrame } from '../../../src/binary/reader.ts'
import { errorName } from '../../../src/error.ts'
import { decodeSnapshot, encodeSnapshot } from '../../../src/log/producer-snapshot.ts'
import { ProducerState } from '../../../src/log/producer-state.ts'
import { RecordBatch, viewOf } from '../../../src/records/batch.ts'
import { encodeMarker } from '../../../src/records/control.ts'
import { encodeBatch } from '../../../src/records/record.ts'

interface Sent {
  producerEpoch?: number
  baseSequence: number
  count?: number
  baseOffset?: number
  isTransactional?: boolean
  timestampMs?: number
}

const batchOf = ({ count = 1, ...sent }: Sent) =>
  new RecordBatch(
    viewOf(
      encodeBatch({
        records: Array.from({ length: count }, () => ({ value: null })),
        producerId: 7,
        producerEpoch: 0,
        timestampMs: 1000,
        ...sent,
      }),
    ),
  )

const markerOf = (
  outcome: 'commit' | 'abort',
  more: { producerEpoch?: number; coordinatorEpoch?: number; baseOffset?: number } = {},
) => {
  const { producerEpoch = 0, coordinatorEpoch = 1, baseOffset = 0 } = more
  const bytes = encodeMarker({
    outcome,
    coordinatorEpoch,
    producerId: 7,
    producerEpoch,
    timestampMs: 2000,
  })
  viewOf(bytes).setUint32(4, baseOffset)
  return new RecordBatch(viewOf(bytes))
}

const verdict = (
  state: ProducerState,
  batch: RecordBatch,
  origin: 'client' | 'coordinator' = 'client',
) => {
  const answer = state.check(batch, origin)
  if (answer === null) return 'taken'
  return 'ok' in answer ? errorName(answer.errorCode) : `duplicate of ${answer.baseOffset}`
}

const max = 2147483647

test.each<{ what: string; known: Sent[]; sent: Sent; answer: string }>([
  {
    what: 'of an unknown producer any sequence',
    known: [],
    sent: { baseSequence: 41 },
    answer: 'taken',
  },
  {
    what: 'the next sequence',
    known: [{ baseSequence: 0, count: 3 }],
    sent: { baseSequence: 3 },
    answer: 'taken',
  },
  {
    what: 'a gap',
    known: [{ baseSequence: 0, count: 3 }],
    sent: { baseSequence: 4 },
    answer: 'OUT_OF_ORDER_SEQUENCE_NUMBER',
  },
  {
    what: 'the last batch again',
    known: [{ baseSequence: 0, count: 3, baseOffset: 50 }],
    sent: { baseSequence: 0, count: 3 },
    answer: 'duplicate of 50',
  },
  {
    what: 'one of the last five again',
    known: [0, 1, 2, 3, 4].map(i => ({ baseSequence: i, baseOffset: 10 + i })),
    sent: { baseSequence: 0 },
    answer: 'duplicate of 10',
  },
  {
    what: 'the sixth last again',
    known: [0, 1, 2, 3, 4, 5].map(i => ({ baseSequence: i, baseOffset: 10 + i })),
    sent: { baseSequence: 0 },
    answer: 'OUT_OF_ORDER_SEQUENCE_NUMBER',
  },
  {
    what: 'a known first sequence with another last one',
    known: [{ baseSequence: 0, count: 3 }],
    sent: { baseSequence: 0, count: 2 },
    answer: 'OUT_OF_ORDER_SEQUENCE_NUMBER',
  },
  {
    what: 'sequence 0 after the greatest one',
    known: [{ baseSequence: max - 1, count: 2 }],
    sent: { baseSequence: 0 },
    answer: 'taken',
  },
  {
    what: 'sequence 1 after the greatest one',
    known: [{ baseSequence: max - 1, count: 2 }],
    sent: { baseSequence: 1 },
    answer: 'OUT_OF_ORDER_SEQUENCE_NUMBER',
  },
  {
    what: 'the sequence after a batch that wrapped inside',
    known: [{ baseSequence: max - 1, count: 5 }],
    sent: { baseSequence: 3 },
    answer: 'taken',
  },
  {
    what: 'a batch that wraps inside, again',
    known: [{ baseSequence: max - 1, count: 5, baseOffset: 9 }],
    sent: { baseSequence: max - 1, count: 5 },
    answer: 'duplicate of 9',
  },
  {
    what: 'a new epoch from 0',
    known: [{ baseSequence: 0, count: 3 }],
    sent: { producerEpoch: 1, baseSequence: 0 },
    answer: 'taken',
  },
  {
    what: 'a new epoch from elsewhere',
    known: [{ baseSequence: 0, count: 3 }],
    sent: { producerEpoch: 1, baseSequence: 3 },
    answer: 'OUT_OF_ORDER_SEQUENCE_NUMBER',
  },
  {
    what: 'an old epoch',
    known: [{ producerEpoch: 2, baseSequence: 0 }],
    sent: { producerEpoch: 1, baseSequence: 1 },
    answer: 'INVALID_PRODUCER_EPOCH',
  },
  {
    what: 'a batch of an old epoch again',
    known: [
      { producerEpoch: 1, baseSequence: 0 },
      { producerEpoch: 2, baseSequence: 0 },
    ],
    sent: { producerEpoch: 1, baseSequence: 0 },
    answer: 'INVALID_PRODUCER_EPOCH',
  },
  {
    what: 'a batch outside of the open transaction',
    known: [{ baseSequence: 0, isTransactional: true }],
    sent: { baseSequence: 1 },
    answer: 'INVALID_TXN_STATE',
  },
])('$what is answered: $answer', ({ known, sent, answer }) => {
  const state = new ProducerState()
  for (const one of known) state.append(batchOf(one))
  expect(verdict(state, batchOf(sent))).toBe(answer)
})

test('a batch without a producer id leaves no trace', () => {
  const state = new ProducerState()
  const batch = new RecordBatch(viewOf(encodeBatch({ records: [{ value: null }] })))
  state.append(batch)
  expect(verdict(state, batch)).toBe('taken')
  expect(state.producers.size).toBe(0)
})

test('the sequences of a coordinator are not looked at, its epoch is', () => {
  const state = new ProducerState()
  state.append(batchOf({ producerEpoch: 3, baseSequence: 0 }))
  const unsequenced = batchOf({ producerEpoch: 3, baseSequence: -1 })
  expect(verdict(state, unsequenced, 'coordinator')).toBe('taken')
  expect(verdict(state, batchOf({ producerEpoch: 2, baseSequence: -1 }), 'coordinator')).toBe(
    'INVALID_PRODUCER_EPOCH',
  )
})

test('a marker with a raised epoch forgets the batches, and the next sequence is 0', () => {
  const state = new ProducerState()
  state.append(batchOf({ baseSequence: 0, count: 4, isTransactional: true }))
  state.append(markerOf('abort', { producerEpoch: 1, baseOffset: 4 }))
  expect(verdict(state, batchOf({ producerEpoch: 1, baseSequence: 4 }))).toBe(
    'OUT_OF_ORDER_SEQUENCE_NUMBER',
  )
  expect(verdict(state, batchOf({ producerEpoch: 1, baseSequence: 0 }))).toBe('taken')
})

test('a marker of an old coordinator is fenced', () => {
  const state = new ProducerState()
  state.append(batchOf({ baseSequence: 0, isTransactional: true }))
  state.append(markerOf('commit', { coordinatorEpoch: 5, baseOffset: 1 }))
  expect(verdict(state, markerOf('abort', { coordinatorEpoch: 4 }), 'coordinator')).toBe(
    'TRANSACTION_COORDINATOR_FENCED',
  )
  expect(verdict(state, markerOf('abort', { coordinatorEpoch: 5 }), 'coordinator')).toBe('taken')
})

test('the first unstable offset is that of the open transaction, or of one whose end is not replicated', () => {
  const state = new ProducerState()
  state.append(batchOf({ baseSequence: 0, baseOffset: 10, isTransactional: true }))
  expect(state.firstUnstableOffset(100)).toBe(10)
  const aborted = state.append(markerOf('abort', { baseOffset: 20 }))
  expect(aborted).toEqual({ producerId: 7, firstOffset: 10, lastOffset: 20, lastStableOffset: 21 })
  expect(state.firstUnstableOffset(20)).toBe(10)
  expect(state.firstUnstableOffset(21)).toBeUndefined()
})

test('silent producers are forgotten, but not those with an open transaction', () => {
  const state = new ProducerState()
  state.append(batchOf({ baseSequence: 0, timestampMs: 1000 }))
  state.expire(1999, 1000)
  expect(state.producers.size).toBe(1)
  state.expire(2000, 1000)
  expect(state.producers.size).toBe(0)
  state.append(batchOf({ baseSequence: 0, timestampMs: 1000, isTransactional: true }))
  state.expire(9000, 1000)
  expect(state.producers.size).toBe(1)
})

test('a snapshot keeps the last batch of each producer', () => {
  const state = new ProducerState()
  state.append(batchOf({ producerEpoch: 3, baseSequence: 0, baseOffset: 5 }))
  state.append(
    batchOf({
      producerEpoch: 3,
      baseSequence: max,
      count: 4,
      baseOffset: 6,
      isTransactional: true,
    }),
  )
  const entries = decodeSnapshot(encodeSnapshot(state.producers.values()))
  expect(entries).toEqual([
    {
      producerId: 7,
      producerEpoch: 3,
      coordinatorEpoch: -1,
      lastTimestamp: 1000,
      transactionFirstOffset: 6,
      batches: [
        { baseSequence: max, lastSequence: 2, baseOffset: 6, lastOffset: 9, timestamp: 1000 },
      ],
    },
  ])
})

test('a damaged snapshot is refused', () => {
  const state = new ProducerState()
  state.append(batchOf({ baseSequence: 0 }))
  const bytes = encodeSnapshot(state.producers.values())
  for (const at of [0, 3, 20, bytes.length - 1]) {
    const damaged = bytes.slice()
    damaged[at] = (damaged[at] as number) ^ 0x10
    expect(() => decodeSnapshot(damaged)).toThrow(MalformedFrame)
  }
  expect(() => decodeSnapshot(bytes.subarray(0, 30))).toThrow(MalformedFrame)
})
