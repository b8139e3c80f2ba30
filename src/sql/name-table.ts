import type { ByteString } from './byte-string.js'
import { isInIdentifier } from './character.js'
import { MAX_NAME_BYTES } from './identifier.js'

/**
 * A set of names as PostgreSQL stores them, in which a word of a text is looked up where it stands, without making a string
 * of it. Made once and asked often.
 */
export interface NameTable {
  readonly names: ReadonlySet<string>
  /** An open hash table: its length is a power of two, and at least half of its slots are empty. */
  readonly slots: readonly (string | undefined)[]
}

export function nameTable(names: ReadonlySet<string>): NameTable {
  let length = 16
  while (length < names.size * 2) length *= 2
  const slots = new Array<string | undefined>(length).fill(undefined)
  for (const name of names) {
    let slot = slotOf(name) & (length - 1)
    while (slots[slot] !== undefined) slot = (slot + 1) & (length - 1)
    slots[slot] = name
  }
  return { names, slots }
}

/** What `otherWordEnd` says of a word that may be one of the names. */
export const MAY_BE_NAMED = -1

/**
 * The end of the unquoted word at `start`, `limit` at most, or MAY_BE_NAMED: where it is one of the names, folded, and also where that would
 * have to be worked out, since it goes beyond ASCII or is so long that PostgreSQL cuts it.
 */
export function otherWordEnd(text: ByteString, start: number, limit: number, { slots }: NameTable): number {
  let hash = 0
  let end = start
  for (; end < limit; end++) {
    const code = text.charCodeAt(end)
    if (!isInIdentifier(code)) break
    if (code >= 0x80) return MAY_BE_NAMED
    hash = hashed(hash, code)
  }
  if (end - start > MAX_NAME_BYTES) return MAY_BE_NAMED
  const mask = slots.length - 1
  for (let slot = mixed(hash) & mask; ; slot = (slot + 1) & mask) {
    const name = slots[slot]
    if (name === undefined) return end
    if (name.length === end - start && foldsTo(text, start, name)) return MAY_BE_NAMED
  }
}

function slotOf(name: string): number {
  let hash = 0
  for (let i = 0; i < name.length; i++) hash = hashed(hash, name.charCodeAt(i))
  return mixed(hash)
}

// `| 0x20` makes lower case of upper case. That it maps some other characters onto one another costs a comparison at most.
function hashed(hash: number, code: number): number {
  return (hash * 31 + (code | 0x20)) | 0
}

function mixed(hash: number): number {
  return hash ^ (hash >>> 11)
}

function foldsTo(text: string, start: number, name: string): boolean {
  for (let i = 0; i < name.length; i++) {
    const code = text.charCodeAt(start + i)
    const folded = code >= 0x41 && code <= 0x5a ? code | 0x20 : code
    if (folded !== name.charCodeAt(i)) return false
  }
  return true
}
