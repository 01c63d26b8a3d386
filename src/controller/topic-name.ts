/** Names of topics: which are legal, which would look alike in metrics (org.apache.kafka.common.internals.Topic). */

/** The longest name: it must fit into the name of a directory with the partition's number and `-delete` behind it. */
export const topicNameLengthMax = 249

/** Topics that the brokers keep their own state in. */
export const internalTopics: readonly string[] = ['__consumer_offsets', '__transaction_state']

/** KRaft's log of metadata; a ZooKeeper-mode cluster refuses to create a topic of that name. */
export const clusterMetadataTopic = '__cluster_metadata'

/** What is wrong with a name, for the client; null for a legal one. */
export function topicNameFault(name: string): string | null {
  if (name === '') return 'a topic name may not be empty'
  if (name === '.' || name === '..') return 'a topic name may not be "." or ".."'
  if (name.length > topicNameLengthMax)
    return `a topic name may not be longer than ${topicNameLengthMax} characters: ${name.slice(0, 40)}…`
  if (!/^[a-zA-Z0-9._-]+$/.test(name))
    return `a topic name may hold ASCII letters, digits, '.', '_' and '-' only: "${name}"`
  return null
}

const metricsName = (name: string): string => name.replaceAll('.', '_')

/** Whether two names differ in `.` and `_` only: metrics would mix them up, so the second is refused. */
export const topicNamesCollide = (a: string, b: string): boolean =>
  metricsName(a) === metricsName(b)
