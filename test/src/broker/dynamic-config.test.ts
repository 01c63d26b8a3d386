import { expect, test } from 'vitest'
import { brokerConfig, brokerConfigKeys, topicConfigKeys } from '../../../src/broker/config.ts'
import {
  brokerOverridesFault,
  changed,
  changesFault,
  configOperation,
  dynamicConfig,
} from '../../../src/broker/dynamic-config.ts'
import { errors } from '../../../src/error.ts'

const { set, delete: remove, append, subtract } = configOperation
const change = (name: string, operation: number, value: string | null) =>
  changed({ a: '1' }, [{ name, operation, value }], topicConfigKeys, { 'cleanup.policy': 'delete' })

test('keys are set and deleted, lists appended to and subtracted from as they are inherited', () => {
  expect(change('retention.ms', set, '5')).toEqual({ a: '1', 'retention.ms': '5' })
  expect(change('a', remove, null)).toEqual({})
  expect(change('cleanup.policy', append, 'compact')).toEqual({
    a: '1',
    'cleanup.policy': 'delete,compact',
  })
  expect(change('cleanup.policy', append, 'delete')).toEqual({ a: '1', 'cleanup.policy': 'delete' })
  expect(change('cleanup.policy', subtract, 'delete')).toEqual({ a: '1', 'cleanup.policy': '' })
})

test('what is no list is not appended to', () => {
  expect(change('retention.ms', append, '5')).toMatchObject({ errorCode: errors.INVALID_CONFIG })
  expect(change('none', subtract, '5')).toMatchObject({ errorCode: errors.UNKNOWN_SERVER_ERROR })
  expect(change('retention.ms', 9, '5')).toMatchObject({ errorCode: errors.UNKNOWN_SERVER_ERROR })
})

test('a key without a value, or twice, is nothing to begin with', () => {
  const faultOf = (...names: string[]) =>
    changesFault(names.map(name => ({ name, operation: set, value: name === 'x' ? null : '1' })))
  expect(faultOf('a', 'b')).toBeNull()
  expect(faultOf('x')).toMatchObject({ errorCode: errors.INVALID_REQUEST })
  expect(faultOf('a', 'a')).toMatchObject({ errorCode: errors.INVALID_REQUEST })
})

test('a broker changes some of its keys while it runs', () => {
  expect(brokerOverridesFault({ 'message.max.bytes': '5', 'somebody.elses': 'x' })).toBeNull()
  expect(brokerOverridesFault({ 'num.partitions': '5' })?.errorCode).toBe(errors.INVALID_REQUEST)
  expect(brokerOverridesFault({ 'message.max.bytes': 'x' })?.errorCode).toBe(errors.INVALID_REQUEST)
})

test('what is set for one broker stands over what is set for all', () => {
  const ignored: string[] = []
  const config = dynamicConfig(
    brokerConfig({}, 'kafka', 1),
    [
      { 'message.max.bytes': '5', 'log.retention.ms': '6', 'num.partitions': '7' },
      { 'message.max.bytes': '8', 'min.insync.replicas': 'many' },
    ],
    error => ignored.push(error.message),
  )
  expect(config['message.max.bytes']).toBe(8)
  expect(config['log.retention.ms']).toBe(6)
  expect(config['num.partitions']).toBe(brokerConfigKeys['num.partitions'].default)
  expect(ignored).toHaveLength(1)
})
