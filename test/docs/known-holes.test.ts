import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'

/** `` `file`: words …; other words … `` as the last column has it. */
const cited = (cell: string): { file: string; words: string }[] => {
  let file = ''
  return cell.split('; ').flatMap(part => {
    const [, named, text = ''] = /^`([^`]+)`(?:: (.*))?$/.exec(part) ?? [null, null, part]
    file = named ?? file
    return text.split(/ …(?:, |$)/).map(words => ({ file, words }))
  })
}

test('the tests that docs/COMPATIBILITY.md names for what is known to go wrong are there', () => {
  const [, section = ''] = readFileSync('docs/COMPATIBILITY.md', 'utf8').split('## What is known')
  const rows = section.split('\n').filter(line => line.startsWith('| '))
  const cells = rows.slice(2).map(row => row.replace(/ \|$/, '').split(' | ').at(-1) ?? '')
  expect(cells.length).toBeGreaterThan(30)
  const missing = cells.flatMap(cited).filter(({ file, words }) => {
    const source = readFileSync(`test/${file}.test.ts`, 'utf8')
    return !source.includes(words)
  })
  expect(missing).toEqual([])
})
