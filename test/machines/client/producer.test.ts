import { expect, test } from 'vitest'
import { isIdentified, producerMachine } from '../../../machines/client/producer.ts'
import { RefusedFact } from '../../../src/assert.ts'
import { errors } from '../../../src/error.ts'
import { begin, elapse, step, steps } from '../../step.ts'

const input = { isIdempotent: true, retryBackoffMs: 100, retryBackoffMaxMs: 1000 }
const acquired = { type: 'producerId.acquired', producerId: 7, producerEpoch: 0 } as const
const refused = (errorCode: number) => ({ type: 'producerId.refused', errorCode }) as const
const fenced = { type: 'fencing.received', errorCode: errors.PRODUCER_FENCED } as const

const asking = () => begin(producerMachine, input)[0]
const ready = () => step(producerMachine, asking(), acquired)[0]
const failed = () => step(producerMachine, ready(), fenced)[0]

test('an idempotent producer asks for an id first', () => {
  const [snapshot, commands] = begin(producerMachine, input)
  expect(snapshot.value).toEqual({ identifying: 'asking' })
  expect(commands).toEqual([{ type: 'producerId.acquire' }])
  expect(isIdentified(snapshot)).toBe(false)
})

test('without idempotence it is ready at once, and nobody', () => {
  const [snapshot, commands] = begin(producerMachine, { ...input, isIdempotent: false })
  expect(snapshot.value).toBe('ready')
  expect(commands).toEqual([{ type: 'identity.announce', producerId: -1, producerEpoch: -1 }])
})

test('an id makes it ready, and is announced', () => {
  const [snapshot, commands] = step(producerMachine, asking(), acquired)
  expect(snapshot.value).toBe('ready')
  expect(isIdentified(snapshot)).toBe(true)
  expect(commands).toEqual([{ type: 'identity.announce', producerId: 7, producerEpoch: 0 }])
})

test('a refusal that may pass is followed by another try after the backoff', () => {
  const [waiting] = step(producerMachine, asking(), refused(errors.COORDINATOR_NOT_AVAILABLE))
  expect(waiting.value).toEqual({ identifying: 'backingOff' })
  const [again, commands] = elapse(producerMachine, waiting, 'retryBackoff')
  expect(again.value).toEqual({ identifying: 'asking' })
  expect(commands).toEqual([{ type: 'producerId.acquire' }])
})

test('a refusal for good fails it', () => {
  const refusal = refused(errors.CLUSTER_AUTHORIZATION_FAILED)
  const [snapshot, commands] = step(producerMachine, asking(), refusal)
  expect(snapshot.value).toBe('failed')
  expect(commands).toEqual([
    { type: 'failure.announce', errorCode: errors.CLUSTER_AUTHORIZATION_FAILED },
  ])
})

test('an id nobody asked for is refused', () => {
  expect(() => step(producerMachine, ready(), acquired)).toThrow(RefusedFact)
})

test('a gap takes it one epoch on', () => {
  const [snapshot, commands] = step(producerMachine, ready(), {
    type: 'gap.found',
    producerEpoch: 0,
  })
  expect(snapshot.value).toBe('ready')
  expect(commands).toEqual([{ type: 'identity.announce', producerId: 7, producerEpoch: 1 }])
})

test('a gap of a former epoch is closed already', () => {
  const [bumped] = step(producerMachine, ready(), { type: 'gap.found', producerEpoch: 0 })
  const [snapshot, commands] = step(producerMachine, bumped, {
    type: 'gap.found',
    producerEpoch: 0,
  })
  expect(snapshot.context.producerEpoch).toBe(1)
  expect(commands).toEqual([])
})

test('when its epochs are used up it asks for another id', () => {
  const last = { ...acquired, producerEpoch: 32_766 }
  const [spent] = step(producerMachine, asking(), last)
  const gap = { type: 'gap.found', producerEpoch: 32_766 } as const
  const [snapshot, commands] = step(producerMachine, spent, gap)
  expect(snapshot.value).toEqual({ identifying: 'asking' })
  expect(snapshot.context.producerId).toBe(-1)
  expect(commands).toEqual([{ type: 'producerId.acquire' }])
})

test('while it asks for an id a gap needs nothing more', () => {
  const [snapshot, commands] = step(producerMachine, asking(), {
    type: 'gap.found',
    producerEpoch: 0,
  })
  expect(snapshot.value).toEqual({ identifying: 'asking' })
  expect(commands).toEqual([])
})

test('fenced it fails, ready or not, and stays so', () => {
  for (const before of [asking(), ready()]) {
    const [snapshot, commands] = step(producerMachine, before, fenced)
    expect(snapshot.value).toBe('failed')
    expect(commands).toEqual([{ type: 'failure.announce', errorCode: errors.PRODUCER_FENCED }])
    const [after, none] = steps(producerMachine, snapshot, fenced, {
      type: 'gap.found',
      producerEpoch: 0,
    })
    expect(after.value).toBe('failed')
    expect(none).toEqual([])
  }
})

test('asked to close it flushes, and closes when all is settled, wherever it is', () => {
  for (const before of [asking(), ready(), failed()]) {
    const [waiting, flush] = step(producerMachine, before, { type: 'close.requested' })
    expect(waiting.value).toEqual(before.value)
    expect(flush).toEqual([{ type: 'batches.flush' }])
    const [closed, commands] = step(producerMachine, waiting, { type: 'batches.settled' })
    expect(closed.status).toBe('done')
    expect(commands).toEqual([{ type: 'producer.close' }])
  }
})

test('a fact of another chart is refused', () => {
  expect(() => step(producerMachine, ready(), { type: 'leader.learned' } as never)).toThrow(
    RefusedFact,
  )
})
