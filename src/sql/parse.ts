import { Buffer } from 'node:buffer'
import type { Node, ParseResult } from 'libpg-query'
import createModule, { type PgQueryModule } from 'libpg-query/wasm/libpg-query.js'

/** One statement of a text. */
export interface ParsedStatement {
  readonly node: Node
  /** Byte offset (UTF-8, in the whole text) of the statement's first byte that is no white space. */
  readonly start: number
  /** Byte offset after the statement, without its semicolon. */
  readonly end: number
}

export interface ParsedStatements {
  readonly kind: 'parsed'
  /** Empty for a text without statements. */
  readonly statements: readonly ParsedStatement[]
}

export interface SyntaxFailure {
  readonly kind: 'error'
  readonly message: string
  /** 1-based, in characters, as in an ErrorResponse's field P; undefined where the error is not at a place. */
  readonly position?: number
}

/** PostgreSQL 18's own parser. */
export interface Parser {
  /** The statements of a text, or why it has none; locations in the nodes are byte offsets, and 0 is left out. */
  parse(text: string): ParsedStatements | SyntaxFailure
}

/**
 * Loads the parser. It holds two instances of the WASM module: one whose stack overflowed is unfit for any further use
 * (PostgreSQL's memory contexts and the module's own stack pointer are left where they were; after some such calls it loops
 * for ever), so it is thrown away, and the other takes its place while a new spare is made.
 */
export async function loadParser(): Promise<Parser> {
  let instance: PgQueryModule | undefined = await createModule()
  let spare: PgQueryModule | undefined = await createModule()
  const replace = (): void => {
    instance = spare
    spare = undefined
    createModule().then(
      (made) => {
        if (instance === undefined) instance = made
        else spare = made
      },
      () => {
        // Without memory for a spare, the instance that is left serves on.
      },
    )
  }
  return {
    parse(text) {
      if (text.includes('\0')) return { kind: 'error', message: 'the text holds a NUL' }
      if (instance === undefined) return { kind: 'error', message: 'the parser is being loaded again; try again' }
      try {
        return parseWith(instance, text)
      } catch (error) {
        if (!isModuleFailure(error)) throw error
        replace()
        return { kind: 'error', message: 'the statement is nested too deeply, or too large, for the parser' }
      }
    },
  }
}

// The stack overflowed (JavaScript's, on which WASM runs, or the module's own), or memory ran out.
function isModuleFailure(error: unknown): boolean {
  return error instanceof RangeError || (error instanceof Error && error.name === 'RuntimeError')
}

function parseWith(module: PgQueryModule, text: string): ParsedStatements | SyntaxFailure {
  const bytes = Buffer.byteLength(text)
  const source = module._malloc(bytes + 1)
  if (source === 0) throw new RangeError('no memory for the text')
  const before = memoryOf(module)
  before.write(text, source, bytes, 'utf8')
  before[source + bytes] = 0
  const result = module._wasm_parse_query_raw(source)
  if (result === 0) throw new RangeError('no memory for the result')
  // The memory may have grown, and then it is another buffer.
  const memory = memoryOf(module)
  const error = memory.readUInt32LE(result + 8)
  const outcome =
    error === 0 ? statementsOf(stringAt(memory, memory.readUInt32LE(result)), bytes) : failureOf(memory, error)
  module._wasm_free_parse_result(result)
  module._free(source)
  return outcome
}

/** Node's own copying and searching is several times faster than that of the module's JavaScript. */
function memoryOf(module: PgQueryModule): Buffer {
  return Buffer.from(module.HEAPU8.buffer)
}

/** The NUL-terminated text at a pointer. */
function stringAt(memory: Buffer, pointer: number): string {
  return pointer === 0 ? '' : memory.toString('utf8', pointer, memory.indexOf(0, pointer))
}

function statementsOf(json: string, length: number): ParsedStatements {
  const statements: ParsedStatement[] = []
  for (const { stmt, stmt_location: start = 0, stmt_len: bytes } of (JSON.parse(json) as ParseResult).stmts ?? []) {
    if (stmt !== undefined) statements.push({ node: stmt, start, end: bytes === undefined ? length : start + bytes })
  }
  return { kind: 'parsed', statements }
}

// PgQueryError is {char *message, char *funcname, char *filename, int lineno, int cursorpos, char *context}.
function failureOf(memory: Buffer, error: number): SyntaxFailure {
  const message = stringAt(memory, memory.readUInt32LE(error))
  const position = memory.readInt32LE(error + 16)
  return position > 0 ? { kind: 'error', message, position } : { kind: 'error', message }
}
