import { LRUCache } from 'lru-cache'
import type { ByteString } from '../sql/byte-string.js'
import { folded } from '../sql/identifier.js'
import { isScanError, scan } from '../sql/scan.js'
import type { Token } from '../sql/token.js'

/** What a text may do to its session, besides what it does to the database. Rather too much than too little. */
export interface Effects {
  /** It may change what names mean: search_path, role, temporary relations, schemas. */
  readonly names: boolean
  /** A DROP or ALTER. */
  readonly definition: boolean
  /** It names a table in which migration tools keep what they have run. */
  readonly ledger: boolean
  /** It takes an advisory lock up to the end of its transaction. */
  readonly locks: boolean
  readonly rollback: boolean
  /** The value that `SET hotswap.version` gives, where the text is that statement alone. */
  readonly version: string | undefined
  /** It mentions hotswap.version in any way. */
  readonly mentionsVersion: boolean
  /** DEALLOCATE statements in order; undefined stands for ALL. */
  readonly deallocates: readonly (string | undefined)[]
  readonly discardsAll: boolean
  /** PREPARE statements in order, each with its whole text. */
  readonly prepares: readonly { readonly name: string; readonly text: ByteString }[]
  /** Names after EXECUTE. */
  readonly executes: readonly string[]
}

export type EffectsReader = (text: ByteString, standardConformingStrings: boolean) => Effects | undefined

// Only a text with one of these words can have an effect; most texts have none and are looked at no further.
const SUSPECT =
  /\b(?:search_path|set_config|reset|discard|temp|temporary|pg_temp\w*|role|authorization|schema|deallocate|prepare|execute|hotswap|rollback|abort|drop|alter|pg_(?:try_)?advisory_xact_lock)\b|^\s*do\b/i

const ADVISORY = /\bpg_(?:try_)?advisory_xact_lock\b/i

/** Makes a reader that remembers its answers, in at most `maxBytes` of text. `ledgers`: names of tools' own tables. */
export function createEffectsReader(ledgers: readonly string[] = [], maxBytes = 4 * 1024 * 1024): EffectsReader {
  const names = ledgers.map((name) => name.replaceAll(/\W/g, '\\$&')).join('|')
  const ledger = names === '' ? undefined : new RegExp(`\\b(?:${names})\\b`, 'i')
  const suspect = ledger === undefined ? SUSPECT : new RegExp(`${SUSPECT.source}|${ledger.source}`, 'i')
  const known = new LRUCache<string, Effects>({
    maxSize: maxBytes,
    sizeCalculation: (_, key) => key.length + 1,
    maxEntrySize: 64 * 1024,
  })
  return (text, standardConformingStrings) => {
    if (!suspect.test(text)) return undefined
    const key = standardConformingStrings ? text : `\\${text}`
    const effects = known.get(key) ?? {
      ...effectsOf(text, standardConformingStrings),
      ledger: ledger?.test(text) === true,
    }
    known.set(key, effects)
    return effects
  }
}

/** Reads the effects from the tokens; a text that has none (PostgreSQL will refuse it) is judged by its words alone. */
export function effectsOf(text: ByteString, standardConformingStrings: boolean): Effects {
  const tokens = scan(text, { standardConformingStrings })
  const statements = isScanError(tokens) ? [] : splitStatements(text, tokens)
  const of = <T>(read: (words: readonly string[], statement: readonly Token[]) => T | undefined): T[] =>
    statements.flatMap((statement) => {
      const found = read(wordsOf(text, statement), statement)
      return found === undefined ? [] : [found]
    })
  const mentionsVersion = /hotswap/i.test(text)
  return {
    names: isScanError(tokens) || of((words) => changesNames(words, text) || undefined).length > 0,
    definition: of((words) => words[0] === 'drop' || words[0] === 'alter' || undefined).length > 0,
    ledger: false,
    locks: ADVISORY.test(text),
    rollback: of((words) => words[0] === 'rollback' || words[0] === 'abort' || undefined).length > 0,
    version: statements.length === 1 ? versionSet(wordsOf(text, statements[0] ?? [])) : undefined,
    mentionsVersion,
    deallocates: of((words) => deallocated(words)).map((name) => name.of),
    discardsAll: of((words) => (words[0] === 'discard' && words[1] === 'all') || undefined).length > 0,
    prepares: of((words, statement) => prepared(words, text, statement)),
    executes: of((words) => executed(words)),
  }
}

/** A text of one statement whose meaning does not depend on search_path: transaction control, SET, SHOW. */
export function isPathless(text: ByteString): boolean {
  return /^\s*(?:set|begin|start|commit|end|rollback|abort|savepoint|release|show|reset|discard|deallocate)\b[^;]*;?\s*$/i.test(
    text,
  )
}

function splitStatements(text: ByteString, tokens: readonly Token[]): Token[][] {
  const statements: Token[][] = []
  let statement: Token[] = []
  for (const token of tokens) {
    if (token.kind !== 'punctuation' || text[token.start] !== ';') {
      statement.push(token)
    } else {
      if (statement.length > 0) statements.push(statement)
      statement = []
    }
  }
  if (statement.length > 0) statements.push(statement)
  return statements
}

/** Words folded, quoted identifiers without their quotes, everything else as it stands. */
function wordsOf(text: ByteString, statement: readonly Token[]): string[] {
  return statement.map(({ kind, start, end }) => {
    const word = text.slice(start, end)
    if (kind === 'keyword' || kind === 'identifier') return folded(word)
    return kind === 'quoted' ? word.slice(1, -1).replaceAll('""', '"') : word
  })
}

function changesNames(words: readonly string[], text: ByteString): boolean {
  const has = (...wanted: readonly string[]) => words.some((word) => wanted.includes(word))
  if (has('search_path', 'set_config') || words.some((word) => word.startsWith('pg_temp'))) return true
  switch (words[0]) {
    case 'reset':
    case 'discard':
      return true
    case 'set':
      return has('role', 'authorization', 'schema')
    case 'do':
      // Its body is a string to the scanner.
      return SUSPECT.test(text.replace(/^\s*do\b/i, ''))
    case 'create':
    case 'drop':
    case 'alter':
      return has('schema', 'temp', 'temporary')
    default:
      return words.some(
        (word, at) => /^temp(?:orary)?$/.test(word) && /^(?:into|local|global)$/.test(words[at - 1] ?? ''),
      )
  }
}

/** SET [SESSION | LOCAL] hotswap.version { = | TO } value */
function versionSet(words: readonly string[]): string | undefined {
  if (words[0] !== 'set') return undefined
  const at = words[1] === 'session' || words[1] === 'local' ? 2 : 1
  const [space, dot, name, sign, value] = words.slice(at)
  if (space !== 'hotswap' || dot !== '.' || name !== 'version' || words.length !== at + 5) return undefined
  if ((sign !== '=' && sign !== 'to') || value === undefined || value === 'default') return undefined
  return value.startsWith("'") ? value.slice(1, -1).replaceAll("''", "'") : value
}

function deallocated(words: readonly string[]): { of: string | undefined } | undefined {
  if (words[0] !== 'deallocate') return undefined
  const name = words[1] === 'prepare' && words.length > 2 ? words[2] : words[1]
  return { of: name === 'all' ? undefined : name }
}

function prepared(words: readonly string[], text: ByteString, statement: readonly Token[]) {
  const name = words[1]
  if (words[0] !== 'prepare' || name === undefined || name === 'transaction') return undefined
  return { name, text: text.slice(statement[0]?.start, statement[statement.length - 1]?.end) }
}

/** EXECUTE name, also after EXPLAIN or CREATE TABLE AS; not GRANT EXECUTE, nor a trigger's EXECUTE FUNCTION. */
function executed(words: readonly string[]): string | undefined {
  if (words[0] === 'grant' || words[0] === 'revoke') return undefined
  const name = words[words.indexOf('execute') + 1]
  return words.includes('execute') && name !== 'function' && name !== 'procedure' ? name : undefined
}
