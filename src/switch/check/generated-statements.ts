import type { Catalog, Column, Relation } from '../../catalog/catalog.js'
import { toByteString } from '../../sql/byte-string.js'
import { quoteIdentifier } from '../../sql/identifier.js'
import { type CheckedStatement, type Described, wordsOfText } from './checked-statement.js'

/** What stands for the traffic of a relation of which none was seen. */
export type GeneratedStatement = CheckedStatement & { readonly recorded: false }

/**
 * For a relation of a version: a SELECT of all columns, and of a table an INSERT, UPDATE and DELETE. What the server said
 * of them is in the version's catalog.
 *
 *     INSERT INTO public.users (id, name) VALUES ($1, $2)
 */
export function generateStatements(relation: Relation, version: string, catalog: Catalog): GeneratedStatement[] {
  const name = `${quoteIdentifier(relation.schema)}.${quoteIdentifier(relation.name)}`
  const { columns, kind } = relation
  const make = (sql: string, parameters: readonly Column[], fields: readonly Column[]): GeneratedStatement => {
    const text = toByteString(sql)
    const words = wordsOfText(text)
    return {
      text,
      version,
      role: undefined,
      searchPath: 'public',
      parameterOids: [],
      recorded: false,
      words,
      ownWords: words,
      before: { kind: 'described', description: describe(parameters, fields), plans: true },
    }
  }
  if (columns.length === 0 || kind === 'sequence' || kind === 'composite') return []
  const list = (some: readonly Column[]) => some.map((column) => quoteIdentifier(column.name)).join(', ')
  const select = make(`SELECT ${list(columns)} FROM ${name}`, [], columns)
  const written = columns.filter(({ generated, identity }) => generated === 'none' && identity !== 'always')
  if ((kind !== 'table' && kind !== 'partitioned') || written.length === 0 || !catalog.byOid.has(relation.oid)) {
    return [select]
  }
  const places = written.map((_, index) => `$${index + 1}`).join(', ')
  const sets = written.map((column, index) => `${quoteIdentifier(column.name)} = $${index + 1}`).join(', ')
  return [
    select,
    make(`INSERT INTO ${name} (${list(written)}) VALUES (${places})`, written, []),
    make(`UPDATE ${name} SET ${sets}`, written, []),
    make(`DELETE FROM ${name} WHERE ${quoteIdentifier(columns[0]?.name ?? '')} IS NULL`, [], []),
  ]
}

function describe(parameters: readonly Column[], fields: readonly Column[]): Described {
  return {
    parameters: parameters.map(({ typeOid }) => typeOid),
    fields: fields.map(({ name, typeOid, typmod }) => ({ name: toByteString(name), typeOid, typmod })),
  }
}
