import { MalformedFrame, Reader } from '../../src/binary/reader.ts'
import { Writer } from '../../src/binary/writer.ts'
import type { TopicPartition } from '../../src/ids.ts'
import { array, codec, int32, string } from '../../src/protocol/index.ts'
import { byTopic } from './by-topic.ts'

/**
 * What members tell a sticky leader besides their subscription. An eager member has given everything up when it joins: what it had
 * before it says here (StickyAssignor, schema V1).
 */
const table = codec(
  { previousAssignment: array({ topic: string, partitions: array(int32) }), generation: int32 },
  1,
  'classic',
)

export interface FormerAssignment {
  readonly partitions: readonly TopicPartition[]
  /** −1: there was none. */
  readonly generationId: number
}

export function encodeStickyUserData({ partitions, generationId }: FormerAssignment): Uint8Array {
  const writer = new Writer()
  const previousAssignment = byTopic(partitions, ({ partition }) => partition)
  table.write(writer, { previousAssignment, generation: generationId })
  return writer.bytes()
}

/** Nothing for bytes that are none. */
export function decodeStickyUserData(bytes: Uint8Array | null): FormerAssignment {
  const nothing = { partitions: [], generationId: -1 }
  if (bytes === null || bytes.length === 0) return nothing
  try {
    const { previousAssignment, generation } = table.read(new Reader(bytes))
    return {
      partitions: previousAssignment.flatMap(({ topic, partitions }) =>
        partitions.map(partition => ({ topic, partition })),
      ),
      generationId: generation,
    }
  } catch (error) {
    if (error instanceof MalformedFrame) return nothing
    throw error
  }
}
