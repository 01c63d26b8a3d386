/** Who fetches from this broker incrementally (KIP-227). */
export interface FetchSessions {
  readonly size: number
}
