import type { Node } from 'libpg-query'
import type { ToolStatement } from '../proxy/contracts.js'

type Recorded = Pick<ToolStatement, 'records'>
type RecordedName = NonNullable<ToolStatement['records']>

/** The columns in which ledgers keep what a migration is called, the most telling first. */
const NAME_COLUMNS = ['migration_name', 'name', 'script', 'version_num', 'version_id', 'version']

/**
 * What a statement that writes a ledger calls the migration:
 *
 *     INSERT INTO django_migrations (app, name, applied) VALUES ('shop', '0002_full_name', ...)   =>  shop.0002_full_name
 *     INSERT INTO goose_db_version (version_id, is_applied) VALUES ($1, $2)                       =>  the parameter $1
 *     UPDATE alembic_version SET version_num='8f2c'                                               =>  8f2c
 */
export function recordedName(node: Node): Recorded {
  const written = writtenColumns(node)
  const name = NAME_COLUMNS.map((column) => written.get(column)).find((value) => value !== undefined)
  const app = written.get('app')
  if (app !== undefined && 'name' in app && name !== undefined && 'name' in name) {
    return { records: { name: `${app.name}.${name.name}` } }
  }
  return name === undefined ? {} : { records: name }
}

/** Constants and parameters by the column that they are written to; the first value of an INSERT without a list as `version`. */
function writtenColumns(node: Node): ReadonlyMap<string, RecordedName> {
  const written = new Map<string, RecordedName>()
  const put = (column: string, value: Node | undefined) => {
    const name = nameOf(value)
    if (name !== undefined) written.set(column, name)
  }
  if ('UpdateStmt' in node) {
    for (const item of node.UpdateStmt.targetList ?? []) {
      if ('ResTarget' in item) put(item.ResTarget.name ?? '', item.ResTarget.val)
    }
  }
  if (!('InsertStmt' in node)) return written
  const { cols, selectStmt } = node.InsertStmt
  const [row] = (selectStmt !== undefined && 'SelectStmt' in selectStmt && selectStmt.SelectStmt.valuesLists) || []
  const values = row !== undefined && 'List' in row ? (row.List.items ?? []) : []
  if (cols === undefined)
    put(
      'version',
      values.find((value) => isTelling(nameOf(value))),
    )
  cols?.forEach((column, at) => {
    if ('ResTarget' in column) put(column.ResTarget.name ?? '', values[at])
  })
  return written
}

/** A value of a table whose columns are not known: small numbers count something, and flags are flags. */
function isTelling(name: RecordedName | undefined): boolean {
  return name !== undefined && 'name' in name && name.name.length > 2
}

function nameOf(value: Node | undefined): RecordedName | undefined {
  const node = value !== undefined && 'TypeCast' in value ? value.TypeCast.arg : value
  if (node === undefined) return undefined
  if ('ParamRef' in node) return { parameter: node.ParamRef.number ?? 0 }
  if (!('A_Const' in node)) return undefined
  const { sval, ival, fval } = node.A_Const
  const text = sval?.sval ?? fval?.fval ?? (ival === undefined ? undefined : String(ival.ival ?? 0))
  return text !== undefined && isName(text) ? { name: text } : undefined
}

/** True for what can be the name of a version as it is. */
export function isName(text: string): boolean {
  return /^[\w.-]{1,63}$/.test(text)
}

/** What a bound parameter says: a text, or an integer in binary format; undefined for anything else. */
export function boundName(value: Uint8Array): string | undefined {
  const bytes = Buffer.from(value)
  const text = bytes.toString('latin1')
  if (isName(text)) return text
  if (bytes.length === 8) return String(bytes.readBigInt64BE())
  return bytes.length === 4 ? String(bytes.readInt32BE()) : undefined
}
