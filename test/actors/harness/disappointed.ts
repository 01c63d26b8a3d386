/** Tests that fail, for vitest.test.ts to look at. */
import { expect, test } from '../../../actors/harness/vitest.ts'

test.override('clusterOptions', { brokers: 1 })

test('an unfired fault', ({ faults }) => {
  faults.injectError('Produce', 'NOT_CONTROLLER')
})

test('an unfired fault that may', ({ faults }) => {
  faults.injectError('Produce', 'NOT_CONTROLLER', { optional: true })
})

test('a failure of its own', ({ faults }) => {
  faults.injectError('Produce', 'NOT_CONTROLLER')
  expect(1).toBe(2)
})
