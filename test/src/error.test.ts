import { expect, test } from 'vitest'
import { errorMessage, errorName, errors, isRetriable } from '../../src/error.ts'

/** Goal: the error table is Kafka 3.9's: every code from −1 to 127, once. */

test('every code has one name, and the name its code', () => {
  const codes = Object.values(errors).sort((one, other) => one - other)
  expect(codes).toEqual(Array.from({ length: 129 }, (_, i) => i - 1))
  for (const [name, code] of Object.entries(errors)) expect(errorName(code)).toBe(name)
  expect(errors.NOT_LEADER_OR_FOLLOWER).toBe(6)
  expect(errors.FENCED_LEADER_EPOCH).toBe(74)
  expect(errors.TRANSACTION_ABORTABLE).toBe(120)
})

test('a code that Kafka 3.9 does not have still prints', () => {
  expect(errorName(4711)).toBe('ERROR_4711')
  expect(errorMessage(4711)).toBe('ERROR_4711')
  expect(isRetriable(4711)).toBe(false)
})

test('success has no message, every error one', () => {
  expect(errorMessage(errors.NONE)).toBeNull()
  for (const code of Object.values(errors).filter(code => code !== 0))
    expect(errorMessage(code)).toMatch(/\.$/)
})

test('retriable is what clients of Kafka try again by themselves', () => {
  expect(isRetriable(errors.NOT_LEADER_OR_FOLLOWER)).toBe(true)
  expect(isRetriable(errors.NOT_ENOUGH_REPLICAS)).toBe(true)
  expect(isRetriable(errors.COORDINATOR_LOAD_IN_PROGRESS)).toBe(true)
  expect(isRetriable(errors.OUT_OF_ORDER_SEQUENCE_NUMBER)).toBe(false)
  expect(isRetriable(errors.REBALANCE_IN_PROGRESS)).toBe(false)
  expect(isRetriable(errors.UNKNOWN_SERVER_ERROR)).toBe(false)
})
