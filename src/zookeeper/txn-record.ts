/**
 * Transactions as they stand in ZooKeeper's log (zookeeper.jute, SerializeUtils): a header and a record by its type. What a header
 * is followed by, a digest of the whole tree in Apache ZooKeeper's own, is left unread.
 */
import { unreachable } from '../assert.ts'
import { MalformedFrame, Reader } from '../binary/reader.ts'
import { Writer } from '../binary/writer.ts'
import { sessionId, sessionIdBits } from '../ids.ts'
import {
  array,
  bool,
  bytes,
  type Fields,
  int32,
  int64,
  int64Bits,
  nullable,
  string,
  struct,
  type ValueOf,
} from '../protocol/schema.ts'
import { aclList, buffer, jute } from './jute.ts'
import type { Ownership, Txn, TxnEntry } from './txn.ts'

const header = jute({
  session: int64Bits,
  xid: int32,
  zxid: int64,
  atMs: int64,
  opcode: int32,
})

const creation = { path: string, data: buffer, acl: aclList } satisfies Fields

const records = {
  create: jute({ ...creation, isEphemeral: bool, parentCversion: int32 }),
  createContainer: jute({ ...creation, parentCversion: int32 }),
  createTtl: jute({ ...creation, parentCversion: int32, ttlMs: int64 }),
  delete: jute({ path: string }),
  setData: jute({ path: string, data: buffer, version: int32 }),
  setAcl: jute({ path: string, acl: aclList, aversion: int32 }),
  check: jute({ path: string, version: int32 }),
  createSession: jute({ timeoutMs: int32 }),
  closeSession: jute({ ephemerals: array(string) }),
  error: jute({ error: int32 }),
  multi: jute({ parts: array(struct({ opcode: int32, record: nullable(bytes) })) }),
}

const opcodes = {
  error: -1,
  create: 1,
  delete: 2,
  setData: 5,
  setAcl: 7,
  check: 13,
  multi: 14,
  create2: 15,
  reconfig: 16,
  createContainer: 19,
  deleteContainer: 20,
  createTtl: 21,
  createSession: -10,
  closeSession: -11,
} as const

function opcodeOf(txn: Txn): number {
  if (txn.type !== 'create') return opcodes[txn.type]
  const { kind } = txn.ownership
  return kind === 'container'
    ? opcodes.createContainer
    : kind === 'ttl'
      ? opcodes.createTtl
      : opcodes.create
}

function writeRecord(writer: Writer, txn: Txn): void {
  switch (txn.type) {
    case 'create': {
      const { ownership } = txn
      if (ownership.kind === 'container') records.createContainer.write(writer, txn)
      else if (ownership.kind === 'ttl')
        records.createTtl.write(writer, { ...txn, ttlMs: ownership.ttlMs })
      else records.create.write(writer, { ...txn, isEphemeral: ownership.kind === 'ephemeral' })
      break
    }
    case 'delete':
      records.delete.write(writer, txn)
      break
    case 'setData':
      records.setData.write(writer, txn)
      break
    case 'setAcl':
      records.setAcl.write(writer, txn)
      break
    case 'check':
      records.check.write(writer, txn)
      break
    case 'createSession':
      records.createSession.write(writer, txn)
      break
    case 'closeSession':
      records.closeSession.write(writer, txn)
      break
    case 'error':
      records.error.write(writer, txn)
      break
    case 'multi':
      records.multi.write(writer, {
        parts: txn.parts.map(part => {
          const record = new Writer()
          writeRecord(record, part)
          return { opcode: opcodeOf(part), record: record.bytes() }
        }),
      })
      break
    default:
      unreachable(txn)
  }
}

export function writeTxn(writer: Writer, { zxid, atMs, session, txn }: TxnEntry): void {
  const opcode = opcodeOf(txn)
  header.write(writer, { session: sessionIdBits(session), xid: 0, zxid, atMs, opcode })
  writeRecord(writer, txn)
}

type Created = ValueOf<typeof creation> & { parentCversion: number }

const created = (
  { path, data, acl, parentCversion }: Created,
  ownership: Ownership,
): Extract<Txn, { type: 'create' }> => ({
  type: 'create',
  path,
  // What was read belongs to the file.
  data: data?.slice() ?? null,
  acl: acl ?? [],
  ownership,
  parentCversion,
})

function readRecord(reader: Reader, opcode: number, session: bigint): Txn {
  switch (opcode) {
    case opcodes.create:
    case opcodes.create2: {
      const record = records.create.read(reader)
      const { isEphemeral } = record
      return created(
        record,
        isEphemeral ? { kind: 'ephemeral', session: sessionId(session) } : { kind: 'persistent' },
      )
    }
    case opcodes.createContainer:
      return created(records.createContainer.read(reader), { kind: 'container' })
    case opcodes.createTtl: {
      const record = records.createTtl.read(reader)
      return created(record, { kind: 'ttl', ttlMs: record.ttlMs })
    }
    case opcodes.delete:
    case opcodes.deleteContainer:
      return { type: 'delete', ...records.delete.read(reader) }
    case opcodes.setData:
    case opcodes.reconfig: {
      const record = records.setData.read(reader)
      return { type: 'setData', ...record, data: record.data?.slice() ?? null }
    }
    case opcodes.setAcl: {
      const record = records.setAcl.read(reader)
      return { type: 'setAcl', ...record, acl: record.acl ?? [] }
    }
    case opcodes.check:
      return { type: 'check', ...records.check.read(reader) }
    case opcodes.createSession:
      return { type: 'createSession', ...records.createSession.read(reader) }
    case opcodes.closeSession:
      // Before ZooKeeper 3.6 nothing followed the header.
      return reader.remaining === 0
        ? { type: 'closeSession', ephemerals: [] }
        : { type: 'closeSession', ...records.closeSession.read(reader) }
    case opcodes.error:
      return { type: 'error', ...records.error.read(reader) }
    case opcodes.multi:
      return {
        type: 'multi',
        parts: records.multi.read(reader).parts.map(({ opcode: part, record }) => {
          if (part === opcodes.multi) throw new MalformedFrame('a multi within a multi')
          return readRecord(new Reader(record ?? new Uint8Array()), part, session)
        }),
      }
    default:
      throw new MalformedFrame(`transaction of type ${opcode}`)
  }
}

/** @throws MalformedFrame where the bytes are no transaction */
export function readTxn(reader: Reader): TxnEntry {
  const { session, zxid, atMs, opcode } = header.read(reader)
  return { zxid, atMs, session: sessionId(session), txn: readRecord(reader, opcode, session) }
}
