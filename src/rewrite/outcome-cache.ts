import { LRUCache } from 'lru-cache'
import type { Outcome, Refusal } from './outcome.js'
import type { SizedOutcome } from './rewrite-text.js'

/** Outcomes by key, the least recently used leaving first; bounded in bytes. */
export interface OutcomeCache {
  get(key: string): Outcome | undefined
  /** Remembers an outcome, unless it alone would take more than its share. */
  set(key: string, sized: SizedOutcome): void
  readonly entries: number
  /** Bytes that keys and outcomes take in memory, as estimated by `entryBytes`. */
  readonly bytes: number
  readonly evictions: number
}

/** A text of megabytes seldom comes again; many of them shall not drive out all others. */
const LARGEST_SHARE = 1 / 64

export function createOutcomeCache(maxBytes: number): OutcomeCache {
  let evictions = 0
  const cache = new LRUCache<string, Outcome>({
    maxSize: maxBytes,
    maxEntrySize: Math.max(1, Math.floor(maxBytes * LARGEST_SHARE)),
    dispose: (_outcome, _key, reason) => {
      if (reason === 'evict') evictions++
    },
  })
  return {
    get: (key) => cache.get(key),
    set(key, { outcome, bytes }) {
      cache.set(key, outcome, { size: entryBytes(key, outcome, bytes) })
    },
    get entries() {
      return cache.size
    },
    get bytes() {
      return cache.calculatedSize
    },
    get evictions() {
      return evictions
    },
  }
}

// What V8 of Node 20 (64 bits) was seen to take; bench/rewrite-memory.bench.ts compares them with its heap.
const ENTRY_BYTES = 200
const OUTCOME_BYTES = 600

/** Bytes of memory that one remembered outcome takes. */
export function entryBytes(key: string, outcome: Outcome, more: number): number {
  const entry = ENTRY_BYTES + key.length + more
  switch (outcome.kind) {
    case 'unchanged':
      return entry
    case 'rewritten':
      return entry + OUTCOME_BYTES + outcome.text.length
    case 'refused':
      return entry + OUTCOME_BYTES + outcome.text.length + refusalBytes(outcome.refusal)
  }
}

/** Texts are ByteStrings, one byte a character; messages may hold any character, which takes two. */
function refusalBytes({ message, detail = '', hint = '' }: Refusal): number {
  return 2 * (message.length + detail.length + hint.length)
}
