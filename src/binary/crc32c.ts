/**
 * CRC-32C (Castagnoli), the checksum of a record batch. Sixteen tables take sixteen bytes a turn:
 * four times the speed of one table.
 */

/** Table n, at n × 256: the checksum of a byte with n zero bytes behind it. */
const tables = new Int32Array(16 * 256)
for (let byte = 0; byte < 256; byte++) {
  let crc = byte
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1
  tables[byte] = crc
}
for (let i = 256; i < tables.length; i++) {
  const shorter = tables[i - 256]!
  tables[i] = (shorter >>> 8) ^ tables[shorter & 0xff]!
}

/**
 * The checksum of `bytes[from..to)`, an unsigned 32-bit number.
 *
 * @param before the checksum of what comes before these bytes, where they continue something
 */
export function crc32c(bytes: Uint8Array, from = 0, to = bytes.length, before = 0): number {
  const t = tables
  let crc = ~before
  let i = from
  for (const end = to - 15; i < end; i += 16) {
    crc =
      t[0xf00 + (bytes[i]! ^ (crc & 0xff))]! ^
      t[0xe00 + (bytes[i + 1]! ^ ((crc >>> 8) & 0xff))]! ^
      t[0xd00 + (bytes[i + 2]! ^ ((crc >>> 16) & 0xff))]! ^
      t[0xc00 + (bytes[i + 3]! ^ (crc >>> 24))]! ^
      t[0xb00 + bytes[i + 4]!]! ^
      t[0xa00 + bytes[i + 5]!]! ^
      t[0x900 + bytes[i + 6]!]! ^
      t[0x800 + bytes[i + 7]!]! ^
      t[0x700 + bytes[i + 8]!]! ^
      t[0x600 + bytes[i + 9]!]! ^
      t[0x500 + bytes[i + 10]!]! ^
      t[0x400 + bytes[i + 11]!]! ^
      t[0x300 + bytes[i + 12]!]! ^
      t[0x200 + bytes[i + 13]!]! ^
      t[0x100 + bytes[i + 14]!]! ^
      t[bytes[i + 15]!]!
  }
  for (; i < to; i++) crc = (crc >>> 8) ^ t[(crc ^ bytes[i]!) & 0xff]!
  return ~crc >>> 0
}
