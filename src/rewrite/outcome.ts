import type { ReadText } from './read-text.js'
import type { RefusalReason } from './refusal-reasons.js'

import type { RewriterStats } from './rewriter-stats.js'
import type { TypeOids } from './type-oids.js'

/** Why a statement is refused, in the words a client sees. */
export interface Refusal {
  readonly sqlstate: string
  readonly message: string
  readonly detail?: string
  readonly hint?: string
  /** Its short name, which stays the same; absent where the server itself would have failed so. */
  readonly reason?: RefusalReason
  /** 1-based position in characters of the client's own text, as in an ErrorResponse's field P. */
  readonly position?: number
}

/** One replaced stretch of the old text; offsets are in bytes. */
export interface Edit {
  readonly start: number
  readonly end: number
  /** ByteString (see sql/byte-string.ts). */
  readonly text: string
  /** True where the new text stands for something that the old one implies: no error there has a position. */
  readonly implied?: boolean
  /** Of an edit without width: it encloses what other edits put at the same place. */
  readonly encloses?: 'before' | 'after'
  /** Stretches of the old text that were moved into the new text, by their offsets in it. */
  readonly moved?: readonly MovedText[]
}

export interface MovedText {
  /** Byte offset into the edit's text. */
  readonly at: number
  readonly length: number
  /** Byte offset into the old text. */
  readonly start: number
}

/** Forward the client's own bytes. */
export interface Unchanged {
  readonly kind: 'unchanged'
  readonly readsCatalog?: boolean
  /** Index of the newer version whose statement it was taken for. */
  readonly speaks?: number
}

/** Forward `text` in place of the client's text. */
export interface Rewritten {
  readonly kind: 'rewritten'
  /** ByteString: the UTF-8 bytes of the new text, one char a byte. */
  readonly text: string
  /** Where a 1-based character position of the new text stands in the client's text; undefined where nowhere. */
  oldPosition(position: number): number | undefined
  /** oids of the changed relations that the text names. */
  readonly relations?: ReadonlySet<number>
  /** Index of the newer version whose statement it was taken for. */
  readonly speaks?: number
  /** True where it looks at the shapes of relations in the system catalogs, which show the newest version's. */
  readonly readsCatalog?: boolean
}

/**
 * Forward `text`, in which the refused statement is replaced by one that fails in analysis on the name `marker`; turn
 * the ErrorResponse that names `marker` into `refusal`. Statements before it in the same Query still run.
 */
export interface Refused {
  readonly kind: 'refused'
  readonly text: string
  /** A one-time name that no client can know or guess. */
  readonly marker: string
  readonly refusal: Refusal
  oldPosition(position: number): number | undefined
  readonly relations?: ReadonlySet<number>
}

export type Outcome = Unchanged | Rewritten | Refused

/** What decides the meaning of a statement's names, besides its text. */
export interface RewriteRequest {
  /** ByteString: the statement text as the client sent it, without the closing NUL. */
  readonly text: string
  /** Index into the generation's versions of the version that the client speaks. */
  readonly version: number
  /** current_schemas(true) of the session. */
  readonly path: readonly string[]
  /** The session's temporary relations, which shadow the catalog's. */
  readonly temporary: readonly import('../catalog/catalog.js').Relation[]
  readonly standardConformingStrings: boolean
  /** The session's client_encoding, in PostgreSQL's spelling, e.g. `UTF8`. */
  readonly clientEncoding: string
  /** The oids of the parameter types that a Parse declares, e.g. `23,0`; absent where it declares none. */
  readonly declaredTypes?: string | undefined
}

/** The fields of an ErrorResponse or NoticeResponse, by their one-letter codes (`C`, `M`, `P`, ...); values are ByteStrings. */
export type ErrorFields = ReadonlyMap<string, string>

/** Rewrites statements for one generation; made by `createRewriter`. */
export interface Rewriter {
  rewrite(request: RewriteRequest): Outcome
  /** True where a client of this version needs no rewriting at all: every frame may pass untouched. */
  speaksHead(version: number): boolean
  /** The data types that clients of this version know by oids that are gone; absent or undefined where there is none. */
  typeOids?(version: number): TypeOids | undefined
  /**
   * Reads a text of the newest version, whatever version the request names, before the next one is known; absent or
   * undefined where that cannot be. A step that follows needs only `rewriteRead` then, in the next generation's rewriter.
   */
  readNewest?(request: RewriteRequest): ReadText | undefined
  /** The text as its last step has it; undefined where only `rewrite` can tell. */
  rewriteRead?(read: ReadText): string | undefined
  /** The fields as the client's version knows the names in them; the position is mapped by `outcome`, where known. */
  mapError(fields: ErrorFields, version: number, outcome: Outcome | undefined): ErrorFields
  /** What it has done so far; a snapshot. */
  stats(): RewriterStats
}
