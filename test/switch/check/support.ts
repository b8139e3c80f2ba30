import { introspect, type TextQuery } from '../../../src/catalog/introspect.js'
import { formatProblem } from '../../../src/config/problem.js'
import { parseRuleFile } from '../../../src/config/rule-file.js'
import type { ActiveGeneration, Description, InternalResult, SpeakingSession } from '../../../src/proxy/contracts.js'
import type { Generation } from '../../../src/rewrite/generation.js'
import { planStep, type StepRules } from '../../../src/rewrite/plan-step.js'
import { createRewriter } from '../../../src/rewrite/rewriter.js'
import { loadParser } from '../../../src/sql/parse.js'
import { bindRules } from '../../../src/switch/bind-rules.js'
import { type CheckOutcome, createStepCheck } from '../../../src/switch/check/check-step.js'
import type { CheckSession } from '../../../src/switch/check/check-within.js'
import { connectDescriber, type Describer } from '../../../src/switch/check/describer.js'
import { listHiddenCode } from '../../../src/switch/check/hidden-code.js'
import { createRecordedStatements } from '../../../src/switch/check/recorded-statements.js'
import { lastStep } from '../../../src/switch/check/touched.js'
import type { TestDatabase } from '../../support/database.js'

export const parser = await loadParser()

/** A statement of the running app; a text alone is one of the version `initial`, as the app's own role. */
export type Spoken =
  | string
  | {
      readonly text: string
      readonly version?: string
      readonly role?: string
      readonly searchPath?: string
      readonly types?: readonly number[]
    }

export interface Trial {
  readonly spoken: readonly Spoken[]
  readonly sql: string
  /** Rules of the migration as YAML. */
  readonly rules?: string
  /** Migrations that ran before, each a step of its own. */
  readonly earlier?: readonly { readonly sql: string; readonly rules?: string }[]
  readonly budgetMs?: number
  /** Who runs the migration. */
  readonly migrator?: string
}

/** Checks a migration inside its transaction, which is rolled back then. */
export async function tryMigration(
  database: TestDatabase,
  trial: Trial,
): Promise<CheckOutcome & { readonly hidden: readonly string[] }> {
  const connect = (user = 'postgres') =>
    connectDescriber({
      url: database.url.replace('postgres:postgres', `${user}:postgres`),
      applicationName: 't',
      connectMs: 5000,
    })
  const migrator = await connect()
  try {
    const { query } = migrator
    let generation: Generation = {
      number: 1,
      versions: [{ name: 'initial', catalog: await introspect(query) }],
      steps: [],
    }
    for (const [index, { sql, rules }] of (trial.earlier ?? []).entries()) {
      await query(sql)
      generation = await withStep(query, generation, `v${index + 1}`, rules)
    }
    const active: ActiveGeneration = { generation, rewriter: createRewriter(generation, { parser }) }
    const book = createRecordedStatements({ parser })
    for (const one of trial.spoken) {
      const { text, ...more } = typeof one === 'string' ? { text: one } : one
      book.note(sessionOf(more), Buffer.from(text).toString('latin1'), typesOf(more.types))
    }
    book.settle()
    const check = createStepCheck({
      connect,
      recorded: async () => book.all(),
      current: () => active,
      createRewriter: (planned) => createRewriter(planned, { parser }),
    })
    const prepared = await check.prepare()
    await query('BEGIN')
    if (trial.migrator !== undefined) await query(`SET SESSION AUTHORIZATION ${trial.migrator}`)
    await query(trial.sql)
    const planned = await withStep(query, generation, 'new', trial.rules)
    const outcome = await prepared.run(sessionOver(migrator), planned, trial.budgetMs ?? 10_000)
    // The transaction is as it was: in no savepoint, under the migrator's role, and not failed.
    if (outcome.kind === 'checked') await query('SAVEPOINT a; RELEASE a')
    const step = lastStep(planned)
    const hidden = outcome.kind === 'checked' && step !== undefined ? await listHiddenCode(query, step) : []
    await query('ROLLBACK')
    return { ...outcome, hidden }
  } finally {
    await migrator.end()
  }
}

function sessionOf({
  version = 'initial',
  role = 'postgres',
  searchPath = '"$user", public',
}: Partial<Exclude<Spoken, string>>): SpeakingSession {
  return {
    identity: { user: role, database: '', applicationName: '' },
    versionName: version,
    role: undefined,
    searchPath,
    standardConformingStrings: true,
    clientEncoding: 'UTF8',
  }
}

function typesOf(oids: readonly number[] = []): Buffer {
  const types = Buffer.alloc(2 + 4 * oids.length)
  types.writeUInt16BE(oids.length, 0)
  oids.forEach((oid, index) => {
    types.writeUInt32BE(oid, 2 + 4 * index)
  })
  return types
}

async function withStep(query: TextQuery, generation: Generation, name: string, rules?: string): Promise<Generation> {
  const before = generation.versions.at(-1)?.catalog
  if (before === undefined) throw new Error('a generation without versions')
  const catalog = await introspect(query)
  const { mapping } = planStep(
    before,
    catalog,
    rules === undefined ? undefined : await bindText(query, before, catalog, rules),
  )
  return {
    number: generation.number + 1,
    versions: [...generation.versions, { name, catalog }],
    steps: [...generation.steps, { mapping }],
  }
}

export async function bindText(
  query: TextQuery,
  before: Generation['versions'][0]['catalog'],
  after: typeof before,
  text: string,
): Promise<StepRules> {
  const file = parseRuleFile('new.yaml', text)
  if (!file.ok) throw new Error(file.problems.map(formatProblem).join('\n'))
  const bound = await bindRules(query, before, after, file.value, parser)
  if (!bound.ok) throw new Error(bound.problems.map(formatProblem).join('\n'))
  return bound.value
}

/** As a migrator's session in the proxy is, over a connection of its own. */
function sessionOver({ query, describe }: Describer): CheckSession {
  return {
    user: 'postgres',
    async describe(statements) {
      const described: Description[] = []
      for (const { text, parameterOids } of statements) {
        const one = await describe(text, parameterOids)
        described.push(one)
        if (!one.ok) break
      }
      return described
    },
    async query(sql): Promise<InternalResult> {
      try {
        return { ok: true, rows: (await query(sql)) ?? [], tag: '' }
      } catch (error) {
        const { code, message } = error as { code?: string; message: string }
        if (code === undefined) throw error
        return {
          ok: false,
          error: new Map([
            ['C', code],
            ['M', message],
          ]),
        }
      }
    },
  }
}
