/**
 * Writes docs/PROTOCOL.md from the tables: `node docs/protocol.ts`. A test holds the file to them.
 */

import { readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { servedApis } from '../actors/broker/api/index.ts'
import { apis, type Range, storedMessages } from '../src/protocol/index.ts'

const versions = ([first, last]: Range): string =>
  first === last ? `${first}` : `${first}–${last}`

/** Where a table stands, by the number its file begins with. */
const files = new Map(
  readdirSync(join(import.meta.dirname, '../src/protocol/api')).map(file => [
    Number.parseInt(file, 10),
    file,
  ]),
)

/**
 * The document.
 *
 * @param served the keys that have handlers; without them the column is left out
 */
export function protocolDocument(served?: ReadonlySet<number>): string {
  const mark = (key: number) => (served ? ` ${served.has(key) ? 'yes' : '—'} |` : '')
  const apiRows = Object.values(apis).map(
    ({ key, name, versions: range, flexible }) =>
      `| ${key} | [${name}](../src/protocol/api/${files.get(key)}) | ${versions(range)} | ${flexible === null ? 'never' : `${flexible}`} |${mark(key)}`,
  )
  const storedRows = storedMessages.map(
    ({ name, versions: range, flexible }) =>
      `| ${name} | ${versions(range)} | ${flexible === null ? 'never' : `${flexible}`} |`,
  )
  return `# Protocol

Written by \`docs/protocol.ts\` from the tables in \`src/protocol/\`; do not edit.

The ${apiRows.length} APIs that a broker of Kafka 3.9 advertises in ZooKeeper mode, each declared by one table for all its versions.
A table alone serves nothing: ApiVersions answers with those that also have a handler in \`actors/broker/api/\`.
"Flexible" is the first version with compact lengths and tagged fields (KIP-482).

| Key | API | Versions | Flexible |${served ? ' Served |' : ''}
| ---: | --- | --- | --- |${served ? ' --- |' : ''}
${apiRows.join('\n')}

## Stored messages

What members of a group pass each other through the coordinator, and what stands in the records of \`__consumer_offsets\`
and \`__transaction_state\`: two bytes of version, then fields by a table of the same kind.

| Message | Versions | Flexible |
| --- | --- | --- |
${storedRows.join('\n')}
`
}

if (import.meta.main)
  writeFileSync(
    join(import.meta.dirname, 'PROTOCOL.md'),
    protocolDocument(new Set(servedApis.keys())),
  )
