import { readdir, readFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { findRelation } from '../../src/catalog/catalog.js'
import { formatDifference } from '../../src/catalog/difference.js'
import { introspect, type TextQuery } from '../../src/catalog/introspect.js'
import { planGeneration } from '../../src/config/declare.js'
import { loadRuleFile } from '../../src/config/load-rules.js'
import { type Checked, formatProblem } from '../../src/config/problem.js'
import { tableNames } from '../../src/config/table-name.js'
import type { Generation } from '../../src/rewrite/generation.js'
import type { Mapping } from '../../src/rewrite/mapping.js'
import { planStep } from '../../src/rewrite/plan-step.js'
import { createRewriter } from '../../src/rewrite/rewriter.js'
import { toByteString } from '../../src/sql/byte-string.js'
import { loadParser } from '../../src/sql/parse.js'
import { bindRules } from '../../src/switch/bind-rules.js'
import { createRuleServer } from '../../src/switch/rule-server.js'
import { createDatabase } from '../support/database.js'
import { withTextQuery } from '../support/text-query.js'

const schema = `
  CREATE TABLE users (id int PRIMARY KEY, email text);
  CREATE TABLE posts (id int PRIMARY KEY, name text, text text);
  CREATE TABLE articles (id int PRIMARY KEY, title text, body text);
  CREATE TABLE orders (id int PRIMARY KEY, total int);
  CREATE TABLE items (id int PRIMARY KEY, order_id int REFERENCES orders);
  CREATE TABLE accounts (id int PRIMARY KEY, name text);
  CREATE TABLE customers (id int PRIMARY KEY, name text);
  CREATE TABLE sessions (id int PRIMARY KEY, legacy boolean DEFAULT false, name text);
  CREATE TABLE members (id int PRIMARY KEY, name text, age int);
  CREATE TABLE contacts (id int PRIMARY KEY, given text, family text);
  CREATE TABLE places (id int PRIMARY KEY, zip varchar(5));
  CREATE TABLE clients (id int PRIMARY KEY, status text, level int, paid boolean);
  CREATE TABLE visits (id int PRIMARY KEY, at timestamp);
  CREATE TABLE offers (id int PRIMARY KEY, days int DEFAULT 14);
  CREATE TABLE words (id int PRIMARY KEY, word text COLLATE "POSIX");
  CREATE TABLE lines (id int PRIMARY KEY, total int, price int, amount int);
  CREATE TABLE notes (id int PRIMARY KEY, body text);
  CREATE TYPE size AS ENUM ('small', 'large');
  CREATE TABLE shirts (id int PRIMARY KEY, size size);
  INSERT INTO users VALUES (1, 'ada@example.org');
  INSERT INTO shirts VALUES (1, 'small'), (2, 'large');
  INSERT INTO posts VALUES (1, 'a', 'b');
  INSERT INTO articles VALUES (1, 'a', 'b');
  INSERT INTO orders VALUES (1, 5);
  INSERT INTO items VALUES (1, 1);
  INSERT INTO accounts VALUES (1, 'Ada');
  INSERT INTO customers VALUES (1, 'Ada');
  INSERT INTO sessions VALUES (1, false, 'a');
  INSERT INTO members VALUES (1, 'Ada Lovelace', 36);
  INSERT INTO contacts VALUES (1, 'Ada', 'Lovelace');
  INSERT INTO places VALUES (1, '01234');
  INSERT INTO clients VALUES (1, 'A', 1, true), (2, 'B', 2, false);
  INSERT INTO visits VALUES (1, '2024-10-27 02:30:00');
  INSERT INTO offers VALUES (1, 7);
  INSERT INTO words VALUES (1, 'b'), (2, 'B');
  INSERT INTO lines VALUES (1, 6, 2, 3);
  INSERT INTO notes VALUES (1, 'x');
`

const parser = await loadParser()
const directory = new URL('../../rules/examples/', import.meta.url)
const files = (await readdir(directory)).sort()

function good<T>(checked: Checked<T>): T {
  if (!checked.ok) throw new Error(checked.problems.map(formatProblem).join('\n'))
  return checked.value
}

/** What these migrations change, names and types do not show: they count as migrated. */
const namesStay = new Set(['0015-generated-column.yaml', '0016-same-meaning.yaml'])

// Each example holds its migration as indented lines of its opening comment.
test.each(
  files,
)('%s is armed before its migration, fits after it, and shows old statements what they saw', async (name) => {
  const path = new URL(name, directory).pathname
  const file = good(await loadRuleFile(path, parser))
  const sql = [...(await readFile(path, 'utf8')).matchAll(/^# {3}(.*)$/gm)].map((line) => line[1]).join('\n')

  const database = await createDatabase(schema)
  await withTextQuery(database.url, async (query) => {
    const server = createRuleServer(query, parser)
    const before = await introspect(query)
    if (!namesStay.has(name)) {
      const planned = good(await planGeneration(before, [file], { number: 1, server }))
      expect(planned.armed).toEqual([file])
    }
    const tables = file.tables.map((rule) => {
      const old = tableNames(rule).before
      return findRelation(before, ['public'], old.schema, old.name)?.name ?? ''
    })
    const rows = new Map<string, unknown>()
    for (const table of tables) rows.set(table, await query(`SELECT * FROM ${table} ORDER BY id`))

    await database.run(sql)
    const after = await introspect(query)
    const planned = good(await planGeneration(after, [file], { number: 2, server }))
    expect(planned.armed).toEqual([])
    const declared = planned.generation.steps[0]?.mapping
    const inferred = planStep(before, after, good(await bindRules(query, before, after, file, parser)))
    expect(inferred.differences.map(formatDifference)).toEqual([])
    if (name !== '0016-same-meaning.yaml') expect(summarize(declared)).toEqual(summarize(inferred.mapping))

    const versions = [
      { name: 'old', catalog: before },
      { name: 'new', catalog: after },
    ]
    for (const generation of [planned.generation, { number: 1, versions, steps: [{ mapping: inferred.mapping }] }]) {
      for (const table of tables) {
        const seen = await runOld(generation, query, `SELECT * FROM ${table} ORDER BY id`)
        expect(seen).toEqual(rows.get(table))
      }
    }
  })
  await database.drop()
})

/** What a client of the oldest version gets. */
async function runOld(generation: Generation, query: TextQuery, text: string) {
  const outcome = createRewriter(generation, { parser }).rewrite({
    text: toByteString(text),
    version: 0,
    path: ['pg_catalog', 'public'],
    temporary: [],
    standardConformingStrings: true,
    clientEncoding: 'UTF8',
  })
  if (outcome.kind === 'refused') throw new Error(outcome.refusal.message)
  return await query(outcome.kind === 'rewritten' ? outcome.text : text)
}

function summarize(mapping: Mapping | undefined) {
  return [...(mapping?.relations ?? [])].map(([oid, relation]) => [
    oid,
    relation.before.name,
    relation.before.schema,
    relation.before.columns.map(({ name, type, collationOid }) => [name, type, collationOid]),
    [...relation.columns],
    relation.added.map((column) => column.name),
  ])
}

test('a new value outside of a map is an error, NULL, or the default that the rule gives', async () => {
  const file = good(await loadRuleFile(new URL('0011-value-map.yaml', directory).pathname, parser))
  const database = await createDatabase(`
    CREATE TYPE state AS ENUM ('active', 'blocked', 'deleted');
    CREATE TABLE clients (id int PRIMARY KEY, state state, level text, paid text);
    INSERT INTO clients VALUES (1, 'deleted', 'middle', 'paid'), (2, NULL, NULL, NULL), (3, NULL, NULL, 'half');
  `)
  await withTextQuery(database.url, async (query) => {
    const server = createRuleServer(query, parser)
    const { generation } = good(await planGeneration(await introspect(query), [file], { number: 1, server }))
    const run = (text: string) => runOld(generation, query, text)
    expect(await run('SELECT status, level, paid FROM clients WHERE id < 3 ORDER BY id')).toEqual([
      ['B', null, 't'],
      [null, null, null],
    ])
    expect(await run("SELECT id FROM clients WHERE status = 'B'")).toEqual([['1']])
    await expect(run('SELECT paid FROM clients')).rejects.toMatchObject({
      code: '22P02',
      message: expect.stringContaining('old statements know no value for "half" of public.clients.paid'),
    })
    await expect(run("INSERT INTO clients VALUES (4, 'A', 7, true)")).rejects.toMatchObject({
      code: '22P02',
      message: expect.stringContaining('nothing is written in place of "7" of public.clients.level'),
    })
    await run("INSERT INTO clients VALUES (4, 'Z', 2, false)")
    expect(await query('SELECT state, level, paid FROM clients WHERE id = 4')).toEqual([['blocked', 'high', 'open']])
  })
  await database.drop()
})
