/** What one may do with a resource, as the bits of `authorizedOperations` (KIP-430; AclOperation). */

const operation = {
  read: 3,
  write: 4,
  create: 5,
  delete: 6,
  alter: 7,
  describe: 8,
  clusterAction: 9,
  describeConfigs: 10,
  alterConfigs: 11,
  idempotentWrite: 12,
} as const

const bits = (...operations: readonly (keyof typeof operation)[]): number =>
  operations.reduce((set, name) => set | (1 << operation[name]), 0)

/** Not asked for. */
export const operationsOmitted = -2_147_483_648

/** Without an authorizer everybody may do all that there is to do. */
export const topicOperations = bits(
  'read',
  'write',
  'create',
  'delete',
  'alter',
  'describe',
  'describeConfigs',
  'alterConfigs',
)

export const clusterOperations = bits(
  'create',
  'alter',
  'describe',
  'clusterAction',
  'describeConfigs',
  'alterConfigs',
  'idempotentWrite',
)
