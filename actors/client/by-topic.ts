import type { TopicPartition } from '../../src/ids.ts'

/** Partitions grouped by their topic, as requests have them; both in the order of first appearance. */
export function byTopic<P extends TopicPartition, T>(
  partitions: Iterable<P>,
  as: (partition: P) => T,
): { topic: string; partitions: T[] }[] {
  const topics = new Map<string, T[]>()
  for (const partition of partitions) {
    const grouped = topics.get(partition.topic)
    if (grouped === undefined) topics.set(partition.topic, [as(partition)])
    else grouped.push(as(partition))
  }
  return Array.from(topics, ([topic, grouped]) => ({ topic, partitions: grouped }))
}

/** The inverse, for answers: partitions with the name of their topic. */
export const flat = <T>(
  topics: readonly { readonly name: string; readonly partitions: readonly T[] }[],
): (T & { readonly topic: string })[] =>
  topics.flatMap(({ name, partitions }) => partitions.map(one => ({ ...one, topic: name })))
