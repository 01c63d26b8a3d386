import { expect, test } from 'vitest'
import { type Ballot, elect } from '../../../src/controller/election.ts'

const ballot = (fields: Partial<Ballot>): Ballot => ({
  replicas: [1, 2, 3],
  isr: [1, 2, 3],
  online: [1, 2, 3],
  shuttingDown: [],
  uncleanAllowed: false,
  ...fields,
})

/** Strategy, what is looked at, who leads with which ISR; null: nobody. */
type Row = [Parameters<typeof elect>[0], Partial<Ballot>, [number, number[]] | null]

const tables: Record<string, Row[]> = {
  'a dead leader is followed by the first online member of the ISR in the order of the assignment':
    [
      ['offline', { online: [2, 3] }, [2, [2, 3]]],
      ['offline', { online: [3] }, [3, [3]]],
      ['offline', { replicas: [3, 1, 2], isr: [1, 2], online: [1, 2] }, [1, [1, 2]]],
      ['offline', { isr: [3, 2], online: [2, 3] }, [2, [3, 2]]],
      ['offline', { isr: [1, 3], online: [2, 3] }, [3, [3]]],
    ],
  'the ISR loses its offline members at an election': [
    ['offline', { online: [1, 3] }, [1, [1, 3]]],
    ['offline', { isr: [2], online: [2, 3] }, [2, [2]]],
  ],
  'nobody outside the ISR is elected while unclean elections are off': [
    ['offline', { isr: [1], online: [2, 3] }, null],
    ['offline', { online: [] }, null],
    ['offline', { isr: [], online: [1, 2] }, null],
  ],
  'an unclean election takes the first replica online, alone, and only where the ISR has none': [
    ['offline', { isr: [1], online: [2, 3], uncleanAllowed: true }, [2, [2]]],
    ['offline', { isr: [3], online: [2, 3], uncleanAllowed: true }, [3, [3]]],
    ['offline', { online: [], uncleanAllowed: true }, null],
  ],
  'a reassignment elects among the replicas that stay and leaves the ISR alone': [
    ['reassign', { replicas: [4, 5], isr: [1, 5, 4], online: [1, 4, 5] }, [4, [1, 5, 4]]],
    ['reassign', { replicas: [4, 5], isr: [1, 5, 4], online: [1, 5] }, [5, [1, 5, 4]]],
    ['reassign', { replicas: [4, 5], isr: [1, 5], online: [1, 4] }, null],
    ['reassign', { replicas: [4], isr: [], online: [4], uncleanAllowed: true }, null],
  ],
  'the preferred replica is the first, or nobody': [
    ['preferred', {}, [1, [1, 2, 3]]],
    ['preferred', { isr: [2, 1] }, [1, [2, 1]]],
    ['preferred', { isr: [2, 3] }, null],
    ['preferred', { online: [2, 3] }, null],
    ['preferred', { replicas: [], uncleanAllowed: true }, null],
  ],
  'a controlled shutdown elects another member of the ISR, which loses those that go': [
    ['controlledShutdown', { online: [2, 3], shuttingDown: [1] }, [2, [2, 3]]],
    ['controlledShutdown', { isr: [1, 3], online: [2, 3], shuttingDown: [1] }, [3, [3]]],
    ['controlledShutdown', { online: [3], shuttingDown: [1, 2] }, [3, [3]]],
    ['controlledShutdown', { isr: [2, 1], online: [2], shuttingDown: [1] }, [2, [2]]],
  ],
  'the last member of the ISR that shuts down goes on leading': [
    ['controlledShutdown', { isr: [1], online: [2, 3], shuttingDown: [1] }, null],
    ['controlledShutdown', { isr: [1, 2], online: [3], shuttingDown: [1, 2] }, null],
    ['controlledShutdown', { isr: [1], online: [], shuttingDown: [1], uncleanAllowed: true }, null],
  ],
}

for (const [sentence, rows] of Object.entries(tables))
  test(sentence, () => {
    for (const [strategy, fields, expected] of rows) {
      const elected = elect(strategy, ballot(fields))
      expect(elected && [elected.leader, elected.isr], JSON.stringify([strategy, fields])).toEqual(
        expected,
      )
    }
  })

test('only an election from outside the ISR is unclean', () => {
  const unclean = { isr: [1], online: [2], uncleanAllowed: true }
  expect(elect('offline', ballot(unclean))?.unclean).toBe(true)
  expect(elect('offline', ballot({ ...unclean, isr: [2] }))?.unclean).toBe(false)
})
