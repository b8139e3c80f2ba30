/** What a rewriter has done since its generation came into force. Texts of clients of the head are not looked at. */
export interface RewriterStats {
  /** Texts answered from the cache. */
  readonly hits: number
  /** Texts that the cache did not answer: `unmentioned` and `parsed`. */
  readonly misses: number
  /** Texts that name nothing that changed, decided without a parse; short ones are decided again each time. */
  readonly unmentioned: number
  /** Texts that had to be parsed. */
  readonly parsed: number
  /** Those of the parsed texts that were refused. */
  readonly refused: number
  /** Outcomes in the cache. */
  readonly entries: number
  /** Bytes that the cache takes in memory, estimated, and what it may take. */
  readonly bytes: number
  readonly maxBytes: number
  /** Outcomes that left the cache for want of room. */
  readonly evictions: number
}
