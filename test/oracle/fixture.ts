import { readdir, readFile } from 'node:fs/promises'
import { basename, join } from 'node:path'

/** One statement of a fixture file, with what is expected of it. */
export interface OracleCase {
  /** The rule that it shows; from the comment above it. */
  readonly rule: string
  readonly sql: string
  /** Values of $1, $2, ... in text form; where given, only the extended protocol is used. */
  readonly parameters?: readonly (string | null)[]
  /** Lines that follow as CopyData. */
  readonly copyData: readonly string[]
  /** The search_path that both sides have. */
  readonly path?: string
  /** Whether rows must come in the same order; where absent, an ORDER BY anywhere means so. */
  readonly ordered?: boolean
  /** The SQLSTATE that the statement has on the old schema; it must succeed there when this is absent. */
  readonly error?: string
  /** The first major version of PostgreSQL that answers it so; older ones answer it with some error. */
  readonly since?: number
  /** The migrations under which a refusal is right, and why; `every` stands for each of them. */
  readonly refused?: { readonly migrations: readonly string[]; readonly reason: string }
}

/** One step of a migration: its SQL, and the rule file that goes with it. */
export interface MigrationStep {
  readonly sql: string
  /** YAML, as a user would write it; empty where what the migration did shows by itself. */
  readonly rules: string
}

export interface Migration {
  readonly name: string
  readonly steps: readonly MigrationStep[]
}

const here = import.meta.dirname

/** The statements of every file under fixtures/SET, by topic. */
export async function readFixtures(set: string): Promise<{ topic: string; cases: readonly OracleCase[] }[]> {
  const folder = join(here, 'fixtures', set)
  const files = (await readdir(folder)).filter((file) => file.endsWith('.sql')).sort()
  return Promise.all(
    files.map(async (file) => ({
      topic: basename(file, '.sql'),
      cases: parseFixture(await readFile(join(folder, file), 'utf8')),
    })),
  )
}

/** before.sql of schemas/SET, and every migration beside it. */
export async function readSchemaSet(set: string): Promise<{ before: string; migrations: readonly Migration[] }> {
  const folder = join(here, 'schemas', set)
  const files = (await readdir(folder)).filter((file) => file.endsWith('.sql') && file !== 'before.sql').sort()
  return {
    before: await readFile(join(folder, 'before.sql'), 'utf8'),
    migrations: await Promise.all(
      files.map(async (file) => ({
        name: basename(file, '.sql'),
        steps: parseMigration(await readFile(join(folder, file), 'utf8')),
      })),
    ),
  }
}

/**
 * Cases stand apart by blank lines; a case without a comment shows the rule of the one before.
 *
 *     -- the rule
 *     @ path archive, public
 *     @ since 18         older servers answer with some error
 *     SELECT name FROM users WHERE id = $1
 *     <= 1 | \N          values of the parameters
 *     << a line of COPY data
 *     => error 42703     or: => refused[rename, move] because ...
 */
export function parseFixture(text: string): readonly OracleCase[] {
  let rule = ''
  return text
    .split(/\n{2,}/)
    .filter((block) => block.trim() !== '')
    .map((block) => {
      const lines = block.trimEnd().split('\n')
      const title: string[] = []
      while (lines[0]?.startsWith('-- ')) title.push((lines.shift() ?? '').slice(3))
      if (title.length > 0) rule = title.join(' ')
      const sql = lines.filter((line) => !/^(@|<=|<<|=>) /.test(line)).join('\n')
      if (sql === '') throw new Error(`no statement under "${rule}"`)
      const path = marked(lines, '@ path ')[0]
      const since = marked(lines, '@ since ')[0]
      const parameters = marked(lines, '<= ')[0]
      const expected = marked(lines, '=> ')
      const error = expected.find((line) => line.startsWith('error '))?.slice(6)
      const refused = expected.find((line) => line.startsWith('refused'))
      return {
        rule,
        sql,
        copyData: marked(lines, '<< '),
        ...(path === undefined ? {} : { path }),
        ...(since === undefined ? {} : { since: Number(since) }),
        ...(parameters === undefined ? {} : { parameters: parameters.split(' | ').map(parameterValue) }),
        ...(error === undefined ? {} : { error }),
        ...(refused === undefined ? {} : { refused: parseRefused(refused) }),
      }
    })
}

/** Whether what became of a case on the old schema is what its fixture says: its SQLSTATE, and undefined where it succeeded. */
export function isExpected({ error, since }: OracleCase, got: string | undefined, major: number): boolean {
  return since !== undefined && major < since ? got !== undefined : got === error
}

function parseRefused(line: string): { migrations: readonly string[]; reason: string } {
  const match = /^refused\[([^\]]+)\] (.+)$/.exec(line)
  if (match?.[1] === undefined || match[2] === undefined) throw new Error(`a refusal wants a reason: ${line}`)
  return { migrations: match[1].split(', '), reason: match[2] }
}

/** Steps stand apart by `-- step`; lines that begin with `--| ` hold the rule file of their step. */
function parseMigration(text: string): readonly MigrationStep[] {
  return text.split(/^-- step$/m).map((sql) => ({ sql, rules: marked(sql.split('\n'), '--| ').join('\n') }))
}

function marked(lines: readonly string[], mark: string): string[] {
  return lines.filter((line) => line.startsWith(mark)).map((line) => line.slice(mark.length))
}

function parameterValue(text: string): string | null {
  return text === '\\N' ? null : text
}
