/** The door for tests, whatever runs them. With vitest, `samsa/vitest` has fixtures and matchers besides. */
export type { FaultHandle, FaultScope } from '../fault-handle.ts'
export type { Faults } from '../faults.ts'
export type { LinkFrame } from '../line-frames.ts'
export type { LinkOperators } from '../line-operators.ts'
export type { LatencyScope, NodeName } from '../link-faults.ts'
export {
  checkFaultsFired,
  endTestCluster,
  type HarnessOptions,
  isVirtual,
  type PlatformName,
  startTestCluster,
  UnfiredFaults,
  withCluster,
} from './fixture.ts'
export { groupLag, type PartitionLag } from './group-lag.ts'
export { type SocketRequest, socketFactory } from './kafkajs-socket.ts'
export { lastLines, lastStory, type StoryOptions } from './story.ts'
