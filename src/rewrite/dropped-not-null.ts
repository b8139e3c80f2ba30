import type { Column, Relation } from '../catalog/catalog.js'
import { type ByteString, toByteString } from '../sql/byte-string.js'
import type { NamesBack } from './names-back.js'
import type { ErrorFields } from './outcome.js'

/**
 * No constraint is left that would tell of a NULL that is written to a dropped column, and SQL has no expression that
 * raises an error of one's choice. What asks for an unknown setting fails, where it is evaluated, with the setting's name
 * in the message: it tells which column is meant, and the error becomes that of the constraint on its way to the client.
 *
 *     pg_catalog.current_setting('hotswap.not_null.16385.3.legacy')
 */
export function notNullSetting(relation: Relation, column: Column): string {
  // Neither a quote nor a backslash: it stands in a string of any kind.
  const name = encodeURIComponent(column.name).replaceAll("'", '%27')
  return `hotswap.not_null.${relation.oid}.${column.attnum}.${name}`
}

/** SQL that is true, or fails where it is evaluated: no planner evaluates a stable function beforehand. */
export function failureText(setting: string): ByteString {
  return toByteString(`pg_catalog.current_setting('${setting}') IS NOT NULL`)
}

const SETTING = /"hotswap\.not_null\.(\d+)\.(\d+)\.([^"]*)"/

/** The error of the NOT NULL constraint of a dropped column, where this is what became of it; undefined for all others. */
export function notNullViolation(fields: ErrorFields, { relations }: NamesBack): ErrorFields | undefined {
  if (fields.get('C') !== '42704') return undefined
  const [, oid, attnum, encoded] = SETTING.exec(fields.get('M') ?? '') ?? []
  if (encoded === undefined) return undefined
  const relation = [...relations.values()].find(({ before }) => before.oid === Number(oid))?.before
  const known = relation?.columns.find((column) => column.attnum === Number(attnum))?.name
  const column = known ?? decodeURIComponent(encoded)
  const violated = new Map(fields)
  for (const code of ['P', 'H', 'D']) violated.delete(code)
  violated.set('C', '23502')
  violated.set('c', toByteString(column))
  if (relation !== undefined) {
    violated.set('s', toByteString(relation.schema)).set('t', toByteString(relation.name))
  }
  const of = relation === undefined ? '' : ` of relation "${relation.name}"`
  violated.set('M', toByteString(`null value in column "${column}"${of} violates not-null constraint`))
  return violated
}
