import { readdirSync, readFileSync } from 'node:fs'
import { fromByteString, toByteString } from '../../src/sql/byte-string.js'
import type { Parser } from '../../src/sql/parse.js'

/** One statement of the corpus, with the comments before it and without its semicolon. */
export interface CorpusStatement {
  readonly file: string
  readonly sql: string
}

/** Every statement of the .sql files beside this one; throws where a file does not parse. */
export function readCorpus(parser: Parser): readonly CorpusStatement[] {
  const files = readdirSync(new URL('.', import.meta.url)).filter((name) => name.endsWith('.sql'))
  return files.sort().flatMap((file) => statementsOf(parser, file))
}

function statementsOf(parser: Parser, file: string): CorpusStatement[] {
  const text = readFileSync(new URL(file, import.meta.url), 'utf8')
  const parsed = parser.parse(text)
  if (parsed.kind === 'error') {
    const line = [...text].slice(0, parsed.position ?? 0).filter((character) => character === '\n').length + 1
    throw new Error(`${file}:${line}: ${parsed.message}`)
  }
  const bytes = toByteString(text)
  let from = 0
  return parsed.statements.map(({ end }) => {
    const sql = (fromByteString(bytes.slice(from, end)) ?? '').trim()
    from = end + 1
    return { file, sql }
  })
}
