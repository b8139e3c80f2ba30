import type { Catalog, Column, Relation } from '../../src/catalog/catalog.js'
import { isSystemSchema } from '../../src/catalog/diff.js'
import { quoteIdentifier } from '../../src/sql/identifier.js'
import type { CorpusQuery, Trial } from './project.js'
import { sampleValue } from './sample-value.js'

/**
 * For each relation of a version, the statements that an app of that version would surely send: a SELECT of everything,
 * an INSERT of every column, an UPDATE of every column and a DELETE by its first column. They can be run.
 */
export function shapeQueries(catalog: Catalog): readonly CorpusQuery[] {
  return catalog.relations
    .filter(({ schema }) => !isSystemSchema(schema))
    .flatMap((relation) => shapesOf(catalog, relation))
}

function shapesOf(catalog: Catalog, relation: Relation): readonly CorpusQuery[] {
  const name = `${quoteIdentifier(relation.schema)}.${quoteIdentifier(relation.name)}`
  const select = { name: `select ${relation.name}`, sql: `SELECT * FROM ${name}` }
  const [first] = relation.columns
  const written = relation.columns.filter(isWritable)
  if (first === undefined || written.length === 0) return [select]
  if (relation.kind !== 'table' && relation.kind !== 'partitioned') return [select]
  const list = written.map((column) => quoteIdentifier(column.name))
  const places = list.map((_, index) => `$${index + 1}`)
  const sets = list.map((column, index) => `${column} = $${index + 1}`)
  const values = written.map((column) => sampleValue(catalog, column))
  const insert = `INSERT INTO ${name} (${list.join(', ')}) VALUES (${places.join(', ')}) RETURNING *`
  const row = { sql: insert, values }
  const query = (verb: string, sql: string, trial: Trial): CorpusQuery => ({
    name: `${verb} ${relation.name}`,
    sql,
    trial,
  })
  return [
    { ...select, trial: { values: [], first: row } },
    query('insert', insert, { values }),
    ...(written.length < relation.columns.length
      ? []
      : [query('insert without list', `INSERT INTO ${name} VALUES (${places.join(', ')}) RETURNING *`, { values })]),
    query('update', `UPDATE ${name} SET ${sets.join(', ')} RETURNING *`, { values, first: row }),
    query('delete', `DELETE FROM ${name} WHERE ${quoteIdentifier(first.name)} = $1 RETURNING *`, {
      values: [sampleValue(catalog, first)],
      first: row,
    }),
  ]
}

function isWritable(column: Column): boolean {
  return column.generated === 'none' && column.identity !== 'always'
}
