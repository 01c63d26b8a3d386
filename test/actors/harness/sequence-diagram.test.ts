import { expect, test } from 'vitest'
import { sequenceDiagram } from '../../../actors/harness/sequence-diagram.ts'
import type { TraceEntry, TraceKind } from '../../../actors/trace.ts'

const entry = (
  seq: number,
  path: string,
  kind: TraceKind,
  type: string,
  cause: number | null = null,
  detail: TraceEntry['detail'] = {},
): TraceEntry => ({ seq, atMs: seq * 100, path, kind, type, cause, detail })

const entries: readonly TraceEntry[] = [
  entry(1, 'story', 'note', 'fault 1: kill broker-2'),
  entry(2, 'broker-1/peer/3', 'message', 'LeaderAndIsr', null, { direction: 'request' }),
  entry(3, 'broker-3/connection/1', 'message', 'LeaderAndIsr', 2, { direction: 'request' }),
  entry(4, 'broker-3/partition/orders-0', 'state', 'leader', 3, { from: 'follower', to: 'leader' }),
  entry(5, 'broker-3/partition/orders-1', 'state', 'leader', 3, { from: 'follower', to: 'leader' }),
  entry(6, 'broker-3/connection/1', 'message', 'LeaderAndIsr', 3, { direction: 'response' }),
  entry(7, 'broker-1/peer/3', 'message', 'LeaderAndIsr', 6, { direction: 'response' }),
  entry(8, 'broker-2', 'node', 'running'),
]

test('messages become arrows between nodes, and changes of state notes', () => {
  expect(sequenceDiagram(entries, { about: ['orders-0'], upToMs: 700 })).toBe(
    [
      'sequenceDiagram',
      '  participant n0 as broker-1',
      '  participant n1 as broker-3',
      '  Note over n0,n1: 0.000 s fault 1: kill broker-2',
      '  n0->>n1: LeaderAndIsr',
      '  Note over n1: 0.300 s partition/orders-0 follower → leader',
      '  n1-->>n0: LeaderAndIsr',
    ].join('\n'),
  )
})

test('only the last lines are drawn', () => {
  expect(sequenceDiagram(entries, { linesMax: 1 })).toBe(
    'sequenceDiagram\n  participant n0 as broker-2\n  Note over n0: 0.700 s running',
  )
})
