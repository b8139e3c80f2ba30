import type { Catalog, Column, Relation } from '../../src/catalog/catalog.js'
import { isSystemSchema } from '../../src/catalog/diff.js'
import { quoteIdentifier } from '../../src/sql/identifier.js'
import type { CorpusQuery } from './project.js'

/**
 * For each relation of a version, the statements that an app of that version would surely send: a SELECT of everything,
 * an INSERT of every column, an UPDATE of every column and a DELETE by its first column.
 */
export function shapeQueries(catalog: Catalog): readonly CorpusQuery[] {
  return catalog.relations.filter(({ schema }) => !isSystemSchema(schema)).flatMap(shapesOf)
}

function shapesOf(relation: Relation): readonly CorpusQuery[] {
  const name = `${quoteIdentifier(relation.schema)}.${quoteIdentifier(relation.name)}`
  const query = (verb: string, sql: string): CorpusQuery => ({ name: `${verb} ${relation.name}`, sql })
  const select = query('select', `SELECT * FROM ${name}`)
  const [first] = relation.columns
  if (first === undefined || (relation.kind !== 'table' && relation.kind !== 'partitioned')) return [select]
  const written = relation.columns.filter(isWritable)
  const list = written.map((column) => quoteIdentifier(column.name))
  const values = list.map((_, index) => `$${index + 1}`)
  const sets = list.map((column, index) => `${column} = $${index + 1}`)
  const bare =
    written.length < relation.columns.length
      ? []
      : [query('insert without list', `INSERT INTO ${name} VALUES (${values.join(', ')}) RETURNING *`)]
  if (written.length === 0) return [select]
  return [
    select,
    query('insert', `INSERT INTO ${name} (${list.join(', ')}) VALUES (${values.join(', ')}) RETURNING *`),
    ...bare,
    query('update', `UPDATE ${name} SET ${sets.join(', ')} RETURNING *`),
    query('delete', `DELETE FROM ${name} WHERE ${quoteIdentifier(first.name)} = $1 RETURNING *`),
  ]
}

function isWritable(column: Column): boolean {
  return column.generated === 'none' && column.identity !== 'always'
}
