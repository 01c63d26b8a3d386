/** Where a group lives: the partition of `__consumer_offsets` that its id hashes to. */

/** The internal topic that holds groups and committed offsets. */
export const groupMetadataTopic = '__consumer_offsets'

/** Java's `String.hashCode`: over UTF-16 units, wrapping at 32 bits. */
export function javaHashCode(text: string): number {
  let hash = 0
  for (let i = 0; i < text.length; i++) hash = (Math.imul(hash, 31) + text.charCodeAt(i)) | 0
  return hash
}

/**
 * After GroupMetadataManager.partitionFor.
 *
 * @param partitions how many partitions `__consumer_offsets` has.
 */
export function partitionForGroup(groupId: string, partitions: number): number {
  const hash = javaHashCode(groupId)
  // Kafka's abs: the one number whose absolute value does not fit counts as 0.
  return (hash === -0x8000_0000 ? 0 : Math.abs(hash)) % partitions
}
