/** A topic to be there from the start. */
export interface TopicSpec {
  readonly name: string
  /** Default: the broker's `num.partitions`. */
  readonly partitions?: number
  /** Default: the broker's `default.replication.factor`. */
  readonly replicationFactor?: number
  /** Kafka's topic configuration by name. */
  readonly configs?: Readonly<Record<string, string>>
}

/** `orders:6:3`: name, partitions, replication factor. @throws RangeError */
export function parseTopicSpec(text: string): TopicSpec {
  const [name = '', partitions, replicationFactor, ...rest] = text.split(':')
  const number = (part: string | undefined, what: string): number | undefined => {
    if (part === undefined || part === '') return undefined
    const value = Number(part)
    if (!Number.isInteger(value) || value < 1)
      throw new RangeError(`${text}: ${what} must be a whole number from 1, not ${part}`)
    return value
  }
  if (name === '' || rest.length > 0)
    throw new RangeError(`${text}: expected name[:partitions[:replicationFactor]]`)
  const count = number(partitions, 'partitions')
  const factor = number(replicationFactor, 'replication factor')
  return {
    name,
    ...(count === undefined ? {} : { partitions: count }),
    ...(factor === undefined ? {} : { replicationFactor: factor }),
  }
}
