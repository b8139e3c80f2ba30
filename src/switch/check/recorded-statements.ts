import { createHash } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import type { SpeakingSession } from '../../proxy/contracts.js'
import { type ByteString, isAscii } from '../../sql/byte-string.js'
import type { Parser } from '../../sql/parse.js'
import { type FoldedText, foldLiterals } from './fold-literals.js'
import { statementShapes } from './statement-shapes.js'

/** A statement that clients send, without its values, and what decides the meaning of its names. */
export interface RecordedStatement {
  /** The same for the same statement in all proxies. */
  readonly id: string
  readonly text: ByteString
  readonly describable: boolean
  readonly version: string
  readonly role: string
  /** The setting as it was; undefined where the server did not say it (before PostgreSQL 18). */
  readonly searchPath: string | undefined
  /** Oids that Parse declared; 0 for none. */
  readonly parameterOids: readonly number[]
  /** Date.now() when it was last seen. */
  lastSeen: number
}

/** What live sessions of each version send: the statement book of decision 16, as far as this proxy knows it. */
export interface RecordedStatements {
  /** Takes note of a text that a session sends; about 0.2 us where it was seen before. */
  note(session: SpeakingSession, text: ByteString, types: Buffer | undefined): void
  /** Folds what was noted and not looked at yet. */
  settle(): void
  /** Those seen last come first. */
  all(): readonly RecordedStatement[]
  /** Adds what other proxies, or earlier lives of this one, recorded. */
  merge(statements: readonly RecordedStatement[]): void
}

export interface RecordOptions {
  readonly parser: Parser
  /** Statements that are kept; default 5,000. */
  readonly maxStatements?: number
  /** Bytes of text that are kept; default 8 MiB. */
  readonly maxBytes?: number
}

/** Longer texts are not looked at: of their tables generated statements are checked. */
const LONGEST_TEXT = 256 * 1024

/** Texts that wait to be folded. Where more come, they are left out; what is sent again is seen then. */
const QUEUE_TEXTS = 1024
const QUEUE_BYTES = 1024 * 1024

/** Texts that are known as they were sent, so that nothing of them is looked at. */
const KNOWN_TEXTS = 4096
const KNOWN_BYTES = 4 * 1024 * 1024

/** How many texts are folded before other work has its turn. */
const SLICE = 64

/** Sessions of the same version, role and search_path. */
interface Context {
  readonly key: string
  readonly version: string
  readonly role: string
  readonly searchPath: string | undefined
  /** By the text as it was sent, with the types of a Parse behind it. */
  readonly texts: Map<string, readonly RecordedStatement[]>
}

interface Waiting {
  readonly context: Context
  readonly key: string
  readonly text: ByteString
  readonly parameterOids: readonly number[]
  readonly standardConformingStrings: boolean
}

export function createRecordedStatements(options: RecordOptions): RecordedStatements {
  const { parser, maxStatements = 5000, maxBytes = 8 * 1024 * 1024 } = options
  const statements = new LRUCache<string, RecordedStatement>({
    max: maxStatements,
    maxSize: maxBytes,
    sizeCalculation: ({ text }) => text.length + 200,
  })
  /** By context, types and the text without its literals. */
  const folded = new LRUCache<string, readonly RecordedStatement[]>({
    maxSize: maxBytes,
    sizeCalculation: (made, key) => key.length + 200 * (made.length + 1),
  })
  const contexts = new LRUCache<string, Context>({ max: 1000 })
  const ofSession = new WeakMap<SpeakingSession, Context>()
  const waiting: Waiting[] = []
  let waitingBytes = 0
  let knownTexts = 0
  let knownBytes = 0
  let timer: NodeJS.Timeout | undefined

  const contextOf = (session: SpeakingSession): Context => {
    const known = ofSession.get(session)
    const role = session.role ?? session.identity.user
    if (
      known !== undefined &&
      known.version === session.versionName &&
      known.searchPath === session.searchPath &&
      known.role === role
    )
      return known
    const key = JSON.stringify([session.versionName, role, session.searchPath ?? null])
    const context: Context = contexts.get(key) ?? {
      key,
      version: session.versionName,
      role,
      searchPath: session.searchPath,
      texts: new Map(),
    }
    contexts.set(key, context)
    ofSession.set(session, context)
    return context
  }

  const know = (context: Context, key: string, made: readonly RecordedStatement[]) => {
    if (knownTexts >= KNOWN_TEXTS || knownBytes + key.length > KNOWN_BYTES) {
      for (const other of contexts.values()) other.texts.clear()
      knownTexts = 0
      knownBytes = 0
    }
    context.texts.set(key, made)
    knownTexts++
    knownBytes += key.length
  }

  /** The statement that is kept, which may have been forgotten meanwhile. */
  const add = (statement: RecordedStatement, lastSeen: number): RecordedStatement => {
    const known = statements.get(statement.id) ?? { ...statement }
    known.lastSeen = Math.max(known.lastSeen, lastSeen)
    if (!statements.has(known.id)) statements.set(known.id, known)
    return known
  }

  const fold = ({ context, key, text, parameterOids, standardConformingStrings }: Waiting) => {
    const shape = foldLiterals(text, { standardConformingStrings })
    if (shape === undefined) {
      know(context, key, [])
      return
    }
    const lastSeen = Date.now()
    const foldedKey = `${context.key} ${parameterOids.join()} ${shape.key}`
    const known = folded.get(foldedKey)
    const made = (known ?? record(context, shape, parameterOids)).map((one) => add(one, lastSeen))
    if (known === undefined) folded.set(foldedKey, made)
    know(context, key, made)
  }
  const record = ({ version, role, searchPath }: Context, shape: FoldedText, parameterOids: readonly number[]) =>
    statementShapes(shape.reduced(), parser).map((one): RecordedStatement => {
      const spoken = { ...one, version, role, searchPath, parameterOids }
      return { ...spoken, id: identityOf(spoken), lastSeen: 0 }
    })

  const schedule = () => {
    timer ??= setTimeout(slice, 50)
    timer.unref()
  }
  const slice = () => {
    timer = undefined
    const some = waiting.splice(0, SLICE)
    for (const one of some) {
      waitingBytes -= one.text.length
      fold(one)
    }
    if (waiting.length > 0) schedule()
  }

  return {
    note(session, text, types) {
      const context = contextOf(session)
      const key = types === undefined || types.length <= 2 ? text : `${text}\0${types.toString('latin1')}`
      const known = context.texts.get(key)
      if (known !== undefined) {
        const now = Date.now()
        for (const statement of known) {
          // Once a second is enough to keep it from being forgotten, or to have it again.
          if (now - statement.lastSeen >= 1000) add(statement, now)
          statement.lastSeen = now
        }
        return
      }
      if (text.length > LONGEST_TEXT || waiting.length >= QUEUE_TEXTS || waitingBytes + text.length > QUEUE_BYTES)
        return
      if (!isReadable(session, text)) return
      const { standardConformingStrings } = session
      waiting.push({ context, key, text, parameterOids: oidsOf(types), standardConformingStrings })
      waitingBytes += text.length
      schedule()
    },
    settle() {
      while (waiting.length > 0) slice()
      clearTimeout(timer)
      timer = undefined
    },
    all: () => [...statements.values()],
    merge(others) {
      // The oldest first, so that they are the first to be forgotten.
      for (const other of [...others].sort((a, b) => a.lastSeen - b.lastSeen)) add(other, other.lastSeen)
    },
  }
}

/** Of other encodings, and of strings with backslash escapes in '...', the parser would read something else. */
function isReadable({ clientEncoding, standardConformingStrings }: SpeakingSession, text: ByteString): boolean {
  return (clientEncoding === 'UTF8' || isAscii(text)) && (standardConformingStrings || !text.includes('\\'))
}

/** The end of a Parse: a count and as many oids. */
function oidsOf(types: Buffer | undefined): readonly number[] {
  const oids: number[] = []
  for (let at = 2; types !== undefined && at + 4 <= types.length; at += 4) oids.push(types.readUInt32BE(at))
  return oids
}

function identityOf({
  text,
  version,
  role,
  searchPath,
  parameterOids,
}: Omit<RecordedStatement, 'id' | 'lastSeen'>): string {
  const whole = JSON.stringify([text, version, role, searchPath ?? null, parameterOids])
  return createHash('sha256').update(whole).digest('base64url').slice(0, 32)
}
