/** What a server sends: answers, notifications, and what a write's outcome says to its client. */
import { unreachable } from '../assert.ts'
import type { Writer } from '../binary/writer.ts'
import type { Zxid } from '../ids.ts'
import type { Change, Outcome } from './data-tree.ts'
import {
  eventTypes,
  frame,
  jute,
  type Operation,
  type ResponseBody,
  replyHeader,
  specialXids,
  syncConnected,
  toWireStat,
  watcherEvent,
  writeResponse,
} from './jute.ts'
import type { PartResult } from './multi.ts'
import type { WriteRequest } from './request-to-txn.ts'

const header = jute(replyHeader)
const event = jute(watcherEvent)

/** An answer; behind an error's header stands nothing. */
export const replyFrame = (
  xid: number,
  zxid: Zxid,
  error: number,
  body?: (writer: Writer) => void,
): Uint8Array[] =>
  frame(writer => {
    header.write(writer, { xid, zxid, error })
    if (error === 0) body?.(writer)
  })

/** What a watch tells, with the transaction's zxid as ZooKeeper does since 3.9 (before: -1). */
export const notificationFrame = (zxid: Zxid, kind: Change['kind'], path: string): Uint8Array[] =>
  frame(writer => {
    header.write(writer, { xid: specialXids.notification, zxid, error: 0 })
    event.write(writer, { type: eventTypes[kind], state: syncConnected, path })
  })

type Single = Exclude<WriteRequest['operation'], 'multi'>

/** What a single write came to: its response, or how it failed. */
export function singleResult(operation: Single, outcome: Outcome): PartResult<Operation> {
  if (outcome.type !== 'create') return partResult(outcome)
  return operation === 'create' ? withoutStat(outcome) : withStat(outcome)
}

/** The same for a part of a multi. There only containers and TTL nodes are answered with a Stat, whoever asked how. */
export function partResult(outcome: Outcome): PartResult<Operation> {
  switch (outcome.type) {
    case 'error':
      return { operation: 'error', error: outcome.error }
    case 'create':
      return outcome.ownership === 'container' || outcome.ownership === 'ttl'
        ? withStat(outcome)
        : withoutStat(outcome)
    case 'setData':
      return { operation: 'setData', body: { stat: toWireStat(outcome.stat) } }
    case 'setAcl':
      return { operation: 'setAcl', body: { stat: toWireStat(outcome.stat) } }
    case 'delete':
      return { operation: 'delete', body: {} }
    case 'check':
      return { operation: 'check', body: {} }
    case 'createSession':
    case 'closeSession':
    case 'multi':
      return unreachable(outcome as never)
  }
}

type Created = Extract<Outcome, { type: 'create' }>

const withoutStat = ({ path }: Created): PartResult<Operation> => ({
  operation: 'create',
  body: { path },
})

const withStat = ({ path, stat }: Created): PartResult<Operation> => ({
  operation: 'create2',
  body: { path, stat: toWireStat(stat) },
})

/** Writes the body of an answer that did not fail. */
export function writeResult(
  writer: Writer,
  result: Exclude<PartResult<Operation>, { operation: 'error' }>,
): void {
  writeResponse(result.operation, writer, result.body as ResponseBody<Operation>)
}
