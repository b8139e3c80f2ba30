import { readFileSync } from 'node:fs'

/** One old statement and what it becomes. */
export interface RewriteFixture {
  readonly rule: string
  readonly sql: string
  /** The new text, `unchanged`, or `refused SQLSTATE message`. */
  readonly expected: string
}

/** Reads `-- rule`, the statement, and `=> expected`, separated by empty lines. */
export function readRewriteFixtures(name: string): readonly RewriteFixture[] {
  const text = readFileSync(new URL(`fixtures/${name}.sql`, import.meta.url), 'utf8')
  return text
    .split(/\n{2,}/)
    .filter((block) => block.trim() !== '')
    .map((block) => {
      const [, rule, sql, expected] = /^-- (.*)\n([\s\S]*)\n=> ([\s\S]*)$/.exec(block.trim()) ?? []
      if (rule === undefined || sql === undefined || expected === undefined) throw new Error(`not a fixture: ${block}`)
      return { rule, sql, expected }
    })
}
