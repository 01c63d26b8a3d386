/**
 * The transaction log, in ZooKeeper's own format (FileTxnLog): files named by their first zxid, a header, then entries:
 *
 *   checksum (8 bytes, Adler-32 of the transaction) · length (4) · transaction · 0x42
 *
 * Entries gather in memory and reach the file in one write; so many become one flush.
 */
import { MalformedFrame, Reader } from '../binary/reader.ts'
import { Writer } from '../binary/writer.ts'
import type { Zxid } from '../ids.ts'
import type { Disk, DiskFile } from '../ports.ts'
import { adler32 } from './adler32.ts'
import { logName, pathOf } from './data-dir.ts'
import type { TxnEntry } from './txn.ts'
import { readTxn, writeTxn } from './txn-record.ts'

/** `ZKLG` */
const magic = 0x5a4b4c47
const formatVersion = 2
const headerBytes = 16
const endOfEntry = 0x42
/** In front of a transaction. */
const prefixBytes = 12

/** An entry with all that belongs to it in the file. */
function entryBytes(entry: TxnEntry): Uint8Array {
  const writer = new Writer(prefixBytes + 160)
  writer.int64(0)
  writer.int32(0)
  writeTxn(writer, entry)
  writer.int8(endOfEntry)
  const bytes = writer.bytes()
  const end = bytes.length - 1
  const view = new DataView(bytes.buffer, bytes.byteOffset)
  view.setUint32(4, adler32(bytes, prefixBytes, end))
  view.setInt32(8, end - prefixBytes)
  return bytes
}

function fileHeader(): Uint8Array {
  const writer = new Writer(headerBytes)
  writer.int32(magic)
  writer.int32(formatVersion)
  // The database's number, which nobody uses.
  writer.int64(0)
  return writer.bytes()
}

export class TxnLog {
  readonly #disk: Disk
  #file: DiskFile | null = null
  /** In memory only, and the first of them. */
  #entries: Uint8Array[] = []
  #firstZxid: Zxid = 0
  #bytes = 0

  constructor(disk: Disk) {
    this.#disk = disk
  }

  get isDirty(): boolean {
    return this.#entries.length > 0
  }

  /** Of the file that is written to. */
  get bytes(): number {
    return this.#bytes
  }

  append(entry: TxnEntry): void {
    if (this.#entries.length === 0) this.#firstZxid = entry.zxid
    this.#entries.push(entryBytes(entry))
  }

  /**
   * Hands what was appended to the file.
   *
   * @returns what must be flushed for it to survive: the file, and its directory where the file is new
   * @throws what the disk says, e.g. ENOSPC
   */
  write(): { readonly file: DiskFile; readonly isNew: boolean } {
    const isNew = this.#file === null
    const file = this.#file ?? this.#disk.open(pathOf(logName(this.#firstZxid)))
    if (isNew) {
      // What stands there is what a crash left of one that never came to life.
      file.truncate(0)
      file.append([fileHeader(), ...this.#entries])
    } else file.append(this.#entries)
    this.#file = file
    this.#entries = []
    this.#bytes = file.length
    return { file, isNew }
  }

  /** What comes next begins a new file. The file so far must have been flushed. */
  roll(): void {
    this.#file?.close()
    this.#file = null
    this.#bytes = 0
  }
}

/**
 * What a log file holds.
 *
 * @returns the entries up to the first that is not whole, and where that begins: there the file ends, or what a crash tore, or
 *   the zeros that Apache ZooKeeper fills its files up with
 */
export function readLog(bytes: Uint8Array): { entries: Generator<TxnEntry>; end: () => number } {
  let end = 0
  function* entries(): Generator<TxnEntry> {
    const reader = new Reader(bytes)
    if (bytes.length < headerBytes || reader.int32() !== magic) return
    reader.position = headerBytes
    for (;;) {
      end = reader.position
      const entry = readEntry(reader)
      if (entry === null) return
      yield entry
    }
  }
  return { entries: entries(), end: () => end }
}

function readEntry(reader: Reader): TxnEntry | null {
  if (reader.remaining < prefixBytes) return null
  const high = reader.int32()
  const checksum = reader.uint32()
  const length = reader.int32()
  if (high !== 0 || length <= 0 || length + 1 > reader.remaining) return null
  const from = reader.position
  if (adler32(reader.bytes, from, from + length) !== checksum) return null
  try {
    const entry = readTxn(new Reader(reader.bytes.subarray(from, from + length)))
    reader.position = from + length
    return reader.int8() === endOfEntry ? entry : null
  } catch (error) {
    if (error instanceof MalformedFrame) return null
    throw error
  }
}
