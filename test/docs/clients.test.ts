import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { allClients, type Column, clientsTable, tableOf } from '../../docs/clients.ts'
import { features } from '../interop/clients/clients-under-test.ts'

test('docs/COMPATIBILITY.md has every client and every feature, as tested: `npm run clients` writes the table anew', () => {
  const table = tableOf(readFileSync('docs/COMPATIBILITY.md', 'utf8'))
  // Versions are those of the machine that wrote it.
  const versions = table
    .split('\n')[2]
    ?.split('|')
    .slice(2, -1)
    .map(version => version.trim())
  const columns = allClients.map((client, at): Column => {
    // What fails is red in the clients' own tests.
    const outcomes = Object.fromEntries(Object.keys(features).map(name => [name, 'passed']))
    return { client, version: versions?.[at] ?? '', outcomes } as Column
  })
  expect(table).toBe(clientsTable(columns))
})
