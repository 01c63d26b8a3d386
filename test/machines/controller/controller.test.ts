import { expect, test } from 'vitest'
import {
  type ControllerFact,
  controllerMachine,
  reignEpoch,
  reigns,
} from '../../../machines/controller/controller.ts'
import { RefusedFact } from '../../../src/assert.ts'
import { begin, elapse, step, steps } from '../../step.ts'

const input = { brokerId: 1, rebalances: true, rebalanceIntervalMs: 300_000 }
const registered: ControllerFact = { type: 'broker.registered' }
const missed: ControllerFact = { type: 'controller.missed' }
const found = (brokerId: number): ControllerFact => ({ type: 'controller.found', brokerId })
const epoch: ControllerFact = { type: 'controllerEpoch.read', controllerEpoch: 6, zkVersion: 9 }
const won: ControllerFact = { type: 'claim.won' }
const refused: ControllerFact = { type: 'claim.refused' }
const checked = (brokerId: number, controllerEpoch = 7): ControllerFact => ({
  type: 'claim.checked',
  brokerId,
  controllerEpoch,
  zkVersion: 10,
})
const loaded: ControllerFact = { type: 'cluster.loaded', brokers: [1], topics: 0, partitions: 0 }
const expired: ControllerFact = { type: 'session.expired' }
const ended: ControllerFact = { type: 'reign.ended' }
const fenced: ControllerFact = { type: 'zk.fenced' }
const znode = (kind: 'created' | 'changed' | 'deleted'): ControllerFact => ({
  type: `znode.${kind}`,
  path: '/controller',
})
const unloadable: ControllerFact = { type: 'cluster.unloadable', error: 'no such path' }

/** The facts that lead to each state. */
const ways = {
  waiting: [],
  looking: [registered],
  preparing: [registered, missed],
  claiming: [registered, missed, epoch],
  checking: [registered, missed, epoch, refused],
  standby: [registered, found(2)],
  loading: [registered, missed, epoch, won],
  active: [registered, missed, epoch, won, loaded],
  resigning: [registered, missed, epoch, won, loaded, fenced],
  withdrawing: [registered, missed, epoch, won, unloadable],
  expired: [expired],
  stopped: [{ type: 'shutdown.requested' }],
} satisfies Record<string, ControllerFact[]>

type State = keyof typeof ways

const at = (state: State, more: Partial<typeof input> = {}) => {
  const [first] = begin(controllerMachine, { ...input, ...more })
  const way = state === 'expired' ? [...ways.active, expired] : ways[state]
  return steps(controllerMachine, first, ...way)[0]
}
const commands = (state: State, ...facts: ControllerFact[]) =>
  steps(controllerMachine, at(state), ...facts)[1].map(command => command.type)
const after = (state: State, ...facts: ControllerFact[]) =>
  steps(controllerMachine, at(state), ...facts)[0]

/** The last name in a state. */
const leaf = (state: State, ...facts: ControllerFact[]): string => {
  let value: unknown = after(state, ...facts).value
  while (typeof value === 'object') value = Object.values(value as object)[0]
  return value as string
}

test('it waits until the broker is registered, then looks for a controller, leaving a watch', () => {
  expect(leaf('waiting')).toBe('waiting')
  expect(commands('waiting', registered)).toEqual(['zk.readController'])
  expect(leaf('waiting', registered)).toBe('looking')
})

test('where another broker is the controller it stands by', () => {
  const snapshot = after('looking', found(2))
  expect(snapshot.value).toBe('standby')
  expect(snapshot.context.controllerId).toBe(2)
})

test('its own name on a znode that it did not create just now is an earlier life: it stands by', () => {
  expect(leaf('looking', found(1))).toBe('standby')
  expect(reigns(after('looking', found(1)))).toBe(false)
})

test('where there is none it reads which epoch comes next', () => {
  expect(commands('looking', missed)).toEqual(['zk.readControllerEpoch'])
})

test('it claims the office: znode and next epoch in one, over the version it read', () => {
  const [snapshot, emitted] = step(controllerMachine, at('preparing'), epoch)
  expect(snapshot.value).toEqual({ campaigning: 'claiming' })
  expect(emitted).toEqual([{ type: 'zk.createController', controllerEpoch: 7, epochZkVersion: 9 }])
})

test('elected, it watches the znode again and loads the cluster, under the version its claim left', () => {
  const [snapshot, emitted] = step(controllerMachine, at('claiming'), won)
  expect(snapshot.value).toEqual({ elected: 'loading' })
  expect(emitted).toEqual([
    { type: 'zk.readController' },
    { type: 'cluster.load', controllerEpoch: 7, epochZkVersion: 10 },
  ])
  expect(reigns(snapshot)).toBe(false)
})

test('refused, it looks whether it was its own claim that was in the way', () => {
  expect(commands('claiming', refused)).toEqual(['zk.checkClaim'])
})

test('a claim that was carried out though its answer was lost is a claim won', () => {
  const snapshot = after('checking', checked(1))
  expect(snapshot.value).toEqual({ elected: 'loading' })
  expect(snapshot.context).toMatchObject({
    controllerId: 1,
    controllerEpoch: 7,
    epochZkVersion: 10,
  })
})

test('who lost the race stands by', () => {
  expect(leaf('checking', checked(2))).toBe('standby')
  expect(leaf('checking', checked(1, 6))).toBe('standby')
})

test('when the winner is gone already it looks again', () => {
  expect(leaf('checking', checked(-1))).toBe('looking')
})

test('while it campaigns watches tell nothing that the answers will not', () => {
  for (const state of ['looking', 'preparing', 'claiming', 'checking'] as const)
    for (const kind of ['created', 'changed', 'deleted'] as const) {
      expect(leaf(state, znode(kind))).toBe(state)
      expect(commands(state, znode(kind))).toEqual([])
    }
})

test('late answers of a reign that has ended are dropped in the next campaign', () => {
  expect(leaf('preparing', found(2), missed, fenced)).toBe('preparing')
  expect(leaf('looking', fenced)).toBe('looking')
  expect(leaf('standby', found(3), missed, fenced)).toBe('standby')
})

test('when the controller’s ephemeral is deleted it campaigns', () => {
  const [snapshot, emitted] = step(controllerMachine, at('standby'), znode('deleted'))
  expect(snapshot.value).toEqual({ campaigning: 'looking' })
  expect(snapshot.context.controllerId).toBe(-1)
  expect(emitted).toEqual([{ type: 'zk.readController' }])
})

test('when the znode is created or changed it looks who it is', () => {
  expect(leaf('standby', znode('created'))).toBe('looking')
  expect(leaf('standby', znode('changed'))).toBe('looking')
})

test('once the cluster is loaded it reigns', () => {
  const [snapshot, emitted] = step(controllerMachine, at('loading'), loaded)
  expect(emitted).toEqual([{ type: 'reign.begin', controllerEpoch: 7, epochZkVersion: 10 }])
  expect(reigns(snapshot)).toBe(true)
  expect(reignEpoch(snapshot)).toBe(7)
  expect(reignEpoch(at('loading'))).toBe(-1)
})

test('who cannot load the cluster gives the office back, and campaigns again later', () => {
  const [snapshot, emitted] = step(controllerMachine, at('loading'), unloadable)
  expect(snapshot.value).toBe('withdrawing')
  expect(emitted).toEqual([
    { type: 'reign.end' },
    { type: 'zk.deleteController', epochZkVersion: 10 },
  ])
  const dropped = steps(
    controllerMachine,
    snapshot,
    ended,
    missed,
    found(2),
    fenced,
    znode('created'),
    znode('changed'),
    znode('deleted'),
  )
  expect(dropped[0].value).toBe('withdrawing')
  expect(elapse(controllerMachine, snapshot, 'withdrawal')[0].value).toEqual({
    campaigning: 'looking',
  })
})

for (const state of ['loading', 'active'] as const) {
  test(`${state}: its znode is deleted: it resigns`, () => {
    expect(leaf(state, znode('deleted'))).toBe('resigning')
    expect(commands(state, znode('deleted'))).toEqual(['reign.end'])
  })

  test(`${state}: its znode is changed: it looks who is in it, and resigns if it is another`, () => {
    expect(commands(state, znode('changed'))).toEqual(['zk.readController'])
    expect(leaf(state, znode('changed'), found(1))).toBe(leaf(state))
    const deposed = after(state, znode('changed'), found(2))
    expect(deposed.value).toBe('resigning')
    expect(deposed.context.controllerId).toBe(2)
    expect(leaf(state, znode('changed'), missed)).toBe('resigning')
  })

  test(`${state}: the creation of its own znode is no news`, () => {
    expect(leaf(state, znode('created'))).toBe(leaf(state))
  })

  test(`${state}: a write that met the fence means that another was elected: it resigns`, () => {
    expect(leaf(state, fenced)).toBe('resigning')
  })
}

test('after the reign has ended it campaigns, and drops what is late', () => {
  const late = [
    loaded,
    unloadable,
    found(2),
    missed,
    fenced,
    znode('created'),
    znode('changed'),
    znode('deleted'),
  ]
  expect(leaf('resigning', ...late)).toBe('resigning')
  expect(leaf('resigning', ended)).toBe('looking')
})

test('the balance of leaders is looked at soon after the election, then from time to time', () => {
  const [first, emitted] = elapse(controllerMachine, at('active'), 'firstRebalance')
  expect(emitted).toEqual([{ type: 'leaders.rebalance' }])
  const [again, more] = elapse(controllerMachine, first, 'rebalanceInterval')
  expect(more).toEqual([{ type: 'leaders.rebalance' }])
  expect(again.value).toEqual({ elected: { active: 'established' } })
})

test('with auto.leader.rebalance.enable off it never is', () => {
  const active = at('active', { rebalances: false })
  const [snapshot, emitted] = elapse(controllerMachine, active, 'firstRebalance')
  expect(snapshot.value).toEqual({ elected: { active: 'settlingIn' } })
  expect(emitted).toEqual([])
})

test('in every state the end of the session is the end of any reign', () => {
  const states = Object.keys(ways).filter(
    (state): state is State => !['waiting', 'stopped'].includes(state),
  )
  for (const state of states) {
    const [snapshot, emitted] = step(controllerMachine, at(state), expired)
    expect(snapshot.value).toBe('expired')
    expect(snapshot.context.controllerId).toBe(-1)
    if (state !== 'expired') expect(emitted).toEqual([{ type: 'reign.end' }])
  }
  expect(leaf('waiting', expired)).toBe('waiting')
})

test('answers of the old session are dropped; with a new znode the broker campaigns again', () => {
  const late = [
    ended,
    loaded,
    unloadable,
    found(2),
    missed,
    epoch,
    won,
    refused,
    checked(1),
    fenced,
    znode('created'),
    znode('changed'),
    znode('deleted'),
  ]
  expect(leaf('expired', ...late)).toBe('expired')
  expect(leaf('expired', ...late, registered)).toBe('looking')
})

test('an orderly shutdown ends the reign', () => {
  const [snapshot, emitted] = step(controllerMachine, at('active'), { type: 'shutdown.requested' })
  expect(snapshot).toMatchObject({ value: 'stopped', status: 'done' })
  expect(emitted).toEqual([{ type: 'reign.end' }])
})

test('what a state has no arrow for is refused', () => {
  const illegal: [State, ControllerFact][] = [
    ['waiting', missed],
    ['waiting', znode('deleted')],
    ['looking', registered],
    ['looking', epoch],
    ['looking', won],
    ['preparing', won],
    ['preparing', loaded],
    ['claiming', epoch],
    ['claiming', checked(1)],
    ['checking', won],
    ['standby', won],
    ['standby', loaded],
    ['loading', registered],
    ['loading', won],
    ['active', loaded],
    ['active', registered],
    ['active', ended],
    ['resigning', won],
    ['resigning', registered],
    ['withdrawing', loaded],
    ['withdrawing', registered],
  ]
  for (const [state, fact] of illegal)
    expect(() => after(state, fact), `${state} ${fact.type}`).toThrow(RefusedFact)
})
