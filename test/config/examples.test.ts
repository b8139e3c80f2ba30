import { readdir, readFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { planGeneration } from '../../src/config/declare.js'
import { loadRuleFile } from '../../src/config/load-rules.js'
import { formatProblem } from '../../src/config/problem.js'
import { planStep } from '../../src/rewrite/plan-step.js'
import { loadParser } from '../../src/sql/parse.js'
import { createDatabase } from '../support/database.js'
import { introspectDatabase } from '../support/introspect-database.js'

const schema = `
  CREATE TABLE users (id int PRIMARY KEY, email text);
  CREATE TABLE posts (id int PRIMARY KEY, name text, text text);
  CREATE TABLE articles (id int PRIMARY KEY, title text, body text);
  CREATE TABLE orders (id int PRIMARY KEY, total int);
  CREATE TABLE items (id int PRIMARY KEY, order_id int REFERENCES orders);
  CREATE TABLE accounts (id int PRIMARY KEY, name text);
  CREATE TABLE customers (id int PRIMARY KEY, name text);
`

const parser = await loadParser()
const directory = new URL('../../rules/examples/', import.meta.url)
const files = (await readdir(directory)).sort()

// Each example holds its migration as indented lines of its opening comment.
test.each(files)('%s is armed before its migration, fits after it, and says what identity shows', async (name) => {
  const path = new URL(name, directory).pathname
  const checked = await loadRuleFile(path, parser)
  if (!checked.ok) throw new Error(checked.problems.map(formatProblem).join('\n'))
  const rules = [checked.value]
  const sql = [...(await readFile(path, 'utf8')).matchAll(/^# {3}(.*)$/gm)].map((line) => line[1]).join('\n')

  const database = await createDatabase(schema)
  const before = await introspectDatabase(database.url)
  expect(planGeneration(before, rules, { number: 1 })).toMatchObject({ ok: true, value: { armed: rules } })

  await database.run(sql)
  const after = await introspectDatabase(database.url)
  await database.drop()
  const planned = planGeneration(after, rules, { number: 2 })
  if (!planned.ok) throw new Error(planned.problems.map(formatProblem).join('\n'))
  expect(planned.value.armed).toEqual([])
  const declared = planned.value.generation.steps[0]?.mapping.relations ?? new Map()
  const inserts = new Map(
    [...declared].map(([oid, relation]) => [oid, { insert: relation.insert, columns: new Map() }]),
  )
  const inferred = planStep(before, after, inserts)
  expect(inferred.differences).toEqual([])
  const summarize = (relations: typeof inferred.mapping.relations) =>
    [...relations].map(([oid, relation]) => [
      oid,
      relation.before.name,
      relation.before.schema,
      [...relation.columns],
      relation.added,
    ])
  expect(summarize(declared)).toEqual(summarize(inferred.mapping.relations))
})
