import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import pg from 'pg'
import type { Catalog } from '../../src/catalog/catalog.js'
import { formatDifference } from '../../src/catalog/difference.js'
import {
  introspect,
  introspectChanges,
  introspectMarked,
  type OidsQuery,
  type TextQuery,
} from '../../src/catalog/introspect.js'
import { readRuleFile } from '../../src/config/load-rules.js'
import { formatProblem } from '../../src/config/problem.js'
import type { Generation, Step, Version } from '../../src/rewrite/generation.js'
import { planStep, type StepRules } from '../../src/rewrite/plan-step.js'
import { loadParser } from '../../src/sql/parse.js'
import { bindRules } from '../../src/switch/bind-rules.js'
import { createShadowTypes } from '../../src/switch/shadow-types.js'
import { serverUrl } from '../support/database.js'
import type { Migration, MigrationStep } from './fixture.js'

/** A database with the old schema and a migrated copy of it; oids are equal in both. */
export interface DatabasePair {
  /** Names of databases. */
  readonly before: string
  readonly after: string
  /** What introspection shows of the copy before the migration and after each step: v0, v1, ... */
  readonly generation: Generation
  drop(): Promise<void>
}

/** The old schema with its data, to be migrated in as many ways as wanted. */
export interface OldDatabase {
  /** The name of the untouched database. */
  readonly name: string
  /** Nobody may be connected to the untouched database meanwhile: PostgreSQL would not copy it. */
  migrate(migration: Migration): Promise<DatabasePair>
  drop(): Promise<void>
}

export async function createOldDatabase(sql: string): Promise<OldDatabase> {
  const name = `oracle_${randomBytes(6).toString('hex')}`
  await run('postgres', `CREATE DATABASE ${name}`)
  await run(name, sql)
  let copies = 0
  return {
    name,
    async migrate(migration) {
      copies += 1
      const after = `${name}_${copies}`
      await run('postgres', `CREATE DATABASE ${after} TEMPLATE ${name}`)
      return {
        before: name,
        after,
        generation: await withClient(after, (client) => applySteps(client, migration.steps)),
        drop: () => run('postgres', `DROP DATABASE ${after} WITH (FORCE)`),
      }
    },
    drop: () => run('postgres', `DROP DATABASE ${name} WITH (FORCE)`),
  }
}

async function applySteps(client: pg.Client, steps: readonly MigrationStep[]): Promise<Generation> {
  const asText = { getTypeParser: () => (value: string) => value }
  const query: TextQuery = async (sql) =>
    (await client.query<string[]>({ text: sql, rowMode: 'array', types: asText })).rows
  const queryOids: OidsQuery = (sql, oids) => query(sql.replaceAll('$1', `'{${oids.join()}}'`))
  let seen = await introspectMarked(query)
  const versions: Version[] = [{ name: 'v0', catalog: seen.catalog }]
  const planned: Step[] = []
  for (const step of steps) {
    const previous = versions[planned.length]?.catalog as Catalog
    await client.query(step.sql)
    const migrated = await introspect(query)
    // A switch reads what has changed alone.
    assert.deepEqual((await introspectChanges({ query, queryOids }, seen, previous)).catalog, migrated)
    const shadows = await createShadowTypes(query, previous, migrated, `v${planned.length + 1}`)
    seen = await introspectMarked(query)
    const catalog = shadows.kind === 'made' ? seen.catalog : migrated
    const { mapping, differences } = planStep(previous, catalog, await rulesOf(query, previous, catalog, step))
    if (differences.length > 0) throw new Error(differences.map(formatDifference).join('\n'))
    planned.push({ mapping })
    versions.push({ name: `v${planned.length}`, catalog })
  }
  return { number: 1, versions, steps: planned }
}

async function rulesOf(
  query: TextQuery,
  before: Catalog,
  after: Catalog,
  { rules }: MigrationStep,
): Promise<StepRules> {
  if (rules === '') return new Map()
  const file = readRuleFile('step.yaml', rules, await loadParser())
  const bound = file.ok ? await bindRules(query, before, after, file.value) : file
  if (!bound.ok) throw new Error(`${bound.problems.map(formatProblem).join('\n')}\n${rules}`)
  return bound.value
}

async function run(database: string, sql: string): Promise<void> {
  await withClient(database, async (client) => {
    await client.query(sql)
  })
}

async function withClient<T>(database: string, use: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: serverUrl(database) })
  await client.connect()
  try {
    return await use(client)
  } finally {
    await client.end()
  }
}
