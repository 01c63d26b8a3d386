import { safetyCommittedRecordsStay } from './safety-committed-records-stay.ts'
import { safetyEphemeralsDie } from './safety-ephemerals-die.ts'
import { safetyOneControllerPerEpoch } from './safety-one-controller-per-epoch.ts'
import { safetyOneLeaderPerEpoch } from './safety-one-leader-per-epoch.ts'
import { safetyOneOwnerPerGeneration } from './safety-one-owner-per-generation.ts'
import type { Spec } from './spec.ts'

/** What watches every simulation. */
export const specs: readonly Spec[] = [
  safetyOneLeaderPerEpoch,
  safetyOneControllerPerEpoch,
  safetyCommittedRecordsStay,
  safetyEphemeralsDie,
  safetyOneOwnerPerGeneration,
]
