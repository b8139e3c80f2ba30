import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Catalog } from '../../src/catalog/catalog.js'
import { stringsOf } from '../../src/resolve/node.js'
import type { Reference } from '../../src/resolve/reference.js'
import { resolveStatement } from '../../src/resolve/statement.js'
import { loadParser, type Parser } from '../../src/sql/parse.js'
import { readCorpus } from '../corpus/corpus.js'
import { createDatabase, type TestDatabase } from '../support/database.js'
import { introspectDatabase } from '../support/introspect-database.js'
import { isTooNew } from '../support/too-new.js'
import { type NamesUsed, secondOpinion } from './second-opinion.js'

let database: TestDatabase
let catalog: Catalog
let parser: Parser

beforeAll(async () => {
  const schema = readFileSync(new URL('../corpus/00-schema.sql', import.meta.url), 'utf8')
  // No name of the corpus hangs on it.
  database = await createDatabase((await isTooNew(schema)) ? schema.replace(' NULLS NOT DISTINCT', '') : schema)
  catalog = await introspectDatabase(database.url)
  parser = await loadParser()
})

afterAll(() => database.drop())

/** Statements of the corpus of which pgsql-ast-parser says something else, and why it is wrong or sees less. */
const DIFFERENCES: ReadonlyMap<string, string> = new Map([
  [
    'SELECT name AS who FROM customers UNION SELECT name FROM employees ORDER BY who DESC LIMIT 5',
    'an output name in the ORDER BY of a UNION is taken for a column',
  ],
  [
    "SELECT date_trunc('month', created_at) AS month, count(*) FROM customers GROUP BY month ORDER BY month",
    'an output name in GROUP BY is taken for a column',
  ],
  ['SELECT state AS s, count(*) FROM orders GROUP BY s', 'an output name in GROUP BY is taken for a column'],
  ['SELECT U&"n\\0061me" FROM customers', 'U&"..." is read as u & "..."'],
  [
    'SELECT aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffffgggggggggg FROM (SELECT 1 AS aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffffgggg) t',
    'names over 63 bytes are not cut',
  ],
])

interface Comparison {
  readonly sql: string
  readonly ours: NamesUsed
  readonly theirs: NamesUsed
}

/** Every statement of the corpus that both parse; `unfollowed` counts by tag those that define things, of which not all names are followed. */
function compareCorpus(): { readonly compared: readonly Comparison[]; readonly unfollowed: Record<string, number> } {
  const compared: Comparison[] = []
  const unfollowed: Record<string, number> = {}
  for (const { sql } of readCorpus(parser)) {
    const theirs = secondOpinion(sql)
    if (theirs === undefined) continue
    const references = referencesOf(sql)
    const left = references.find((reference) => reference.kind === 'unfollowed')?.tag ?? definitionTag(sql)
    if (left === undefined) compared.push({ sql, ours: namesOf(references), theirs })
    else unfollowed[left] = (unfollowed[left] ?? 0) + 1
  }
  return { compared, unfollowed }
}

/** The tag of a statement that makes or keeps something: pgsql-ast-parser sees only some of the names in it. */
function definitionTag(sql: string): string | undefined {
  const parsed = parser.parse(sql)
  const [tag] = parsed.kind === 'error' ? [] : Object.keys(parsed.statements[0]?.node ?? {})
  return tag !== undefined && /^(?:Create(?:Stmt|SeqStmt)|Index|Alter|Refresh|Reindex|Cluster|Grant|Comment)/.test(tag)
    ? tag
    : undefined
}

function referencesOf(sql: string): readonly Reference[] {
  const parsed = parser.parse(sql)
  if (parsed.kind === 'error') throw new Error(`${parsed.message}: ${sql}`)
  const namespace = { catalog, path: ['pg_catalog', 'public'], temporary: [] }
  return parsed.statements.flatMap(({ node }) => resolveStatement(node, namespace))
}

/** Names that stand as names; those inside strings, which pgsql-ast-parser does not look into, are left out. */
function namesOf(references: readonly Reference[]): NamesUsed {
  const tables = new Set<string>()
  const columns = new Set<string>()
  for (const reference of references) {
    switch (reference.kind) {
      case 'range':
      case 'unknown-relation': {
        const { schemaname, relname = '' } = reference.node
        tables.add(schemaname === undefined ? relname : `${schemaname}.${relname}`)
        break
      }
      case 'column':
      case 'uncertain':
      case 'ambiguous':
      case 'absent':
      case 'target-column':
        columns.add(reference.name)
        break
      case 'whole-row':
        // What is written is the name of a range variable where a column could stand.
        for (const name of stringsOf(reference.node.fields?.slice(-1))) if (name !== '') columns.add(name)
        break
    }
  }
  return { tables: [...tables].sort(), columns: [...columns].sort() }
}

test('our resolver and pgsql-ast-parser see the same tables and columns in what both parse', () => {
  const { compared } = compareCorpus()
  const different = compared.filter(({ ours, theirs }) => JSON.stringify(ours) !== JSON.stringify(theirs))
  expect(different.filter(({ sql }) => !DIFFERENCES.has(statementOnly(sql)))).toEqual([])
  expect(different.map(({ sql }) => statementOnly(sql)).sort()).toEqual([...DIFFERENCES.keys()].sort())
  expect(compared).toHaveLength(359)
})

function statementOnly(sql: string): string {
  return sql.replace(/^[;\s]+/, '')
}

test('what is left out of the comparison defines things', () => {
  expect(compareCorpus().unfollowed).toEqual({
    AlterSeqStmt: 1,
    AlterTableStmt: 4,
    CommentStmt: 1,
    CompositeTypeStmt: 2,
    CreateEnumStmt: 1,
    CreateExtensionStmt: 1,
    CreateSchemaStmt: 2,
    CreateSeqStmt: 2,
    CreateStmt: 9,
    DoStmt: 1,
    DropStmt: 4,
    IndexStmt: 4,
    RefreshMatViewStmt: 2,
    RenameStmt: 5,
  })
})

test('every name of the corpus is found in the catalog, in the statement, or among what the corpus makes', () => {
  const missing = new Set<string>()
  const references = readCorpus(parser).flatMap(({ sql }) => referencesOf(sql))
  for (const reference of references) {
    if (reference.kind === 'unknown-relation') missing.add(reference.node.relname ?? '')
    if (reference.kind === 'absent') missing.add(reference.name)
  }
  // Some statements are about what others make.
  for (const reference of references) if (reference.kind === 'created') missing.delete(reference.node.relname ?? '')
  // A foreign key to a table that is made nowhere.
  expect([...missing]).toEqual(['pairs'])
})
