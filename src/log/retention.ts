/** Which segments may go. After UnifiedLog.deleteOldSegments. */

/** What retention must know of a segment. */
export interface SegmentAge {
  readonly baseOffset: number
  readonly sizeBytes: number
  /** The greatest timestamp of its records, or when it was made. */
  readonly latestMs: number
}

export interface RetentionRules {
  /** `cleanup.policy` has `delete`; without it only what lies before the log start goes. */
  readonly deletes: boolean
  /** −1: without bound */
  readonly retentionMs: number
  /** −1: without bound */
  readonly retentionBytes: number
}

export interface LogBounds {
  readonly logStartOffset: number
  readonly highWatermark: number
  readonly logEndOffset: number
  readonly nowMs: number
}

/**
 * How many of the oldest segments may go: those before the log start, then those without which the log is
 * still `retentionBytes` large, then those whose youngest record is older than `retentionMs`.
 *
 * Never one that reaches beyond the high watermark (KAFKA-5634), nor an empty last one.
 */
export function deletableSegments(
  segments: readonly SegmentAge[],
  rules: RetentionRules,
  bounds: LogBounds,
): number {
  let count = 0
  const takeWhile = (goes: (segment: SegmentAge, next: SegmentAge | undefined) => boolean) => {
    while (count < segments.length) {
      const segment = segments[count] as SegmentAge
      const next = segments[count + 1]
      const endOffset = next?.baseOffset ?? bounds.logEndOffset
      if (next === undefined && segment.sizeBytes === 0) return
      if (endOffset > bounds.highWatermark || !goes(segment, next)) return
      count++
    }
  }
  takeWhile((_, next) => next !== undefined && next.baseOffset <= bounds.logStartOffset)
  if (!rules.deletes) return count
  if (rules.retentionBytes >= 0) {
    let excess = -rules.retentionBytes
    for (const segment of segments.slice(count)) excess += segment.sizeBytes
    takeWhile(segment => {
      if (excess < segment.sizeBytes) return false
      excess -= segment.sizeBytes
      return true
    })
  }
  if (rules.retentionMs >= 0)
    takeWhile(segment => bounds.nowMs - segment.latestMs > rules.retentionMs)
  return count
}
