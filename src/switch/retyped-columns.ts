import type { AlterTableCmd, Node } from 'libpg-query'
import type { Catalog, Column, Relation } from '../catalog/catalog.js'
import { isSystemSchema } from '../catalog/diff.js'
import { type Difference, qualifiedName } from '../catalog/difference.js'
import type { RelationRules, StepRules } from '../rewrite/plan-step.js'
import type { Parser } from '../sql/parse.js'

/**
 * Columns whose values a migration changed in a way that types do not tell (decision 14): by ALTER TYPE ... USING anything
 * but a cast of the column, or by code that cannot be read here. Without a rule, or its author's word that they mean the
 * same, old statements would read other values.
 *
 *     ALTER TABLE t ALTER price TYPE integer USING price * 100
 */
export function findUnexplained(
  sql: string,
  parser: Parser,
  before: Catalog,
  after: Catalog,
  rules: StepRules,
): Difference[] {
  return findIn(readMigration(sql, parser), before, after, rules)
}

/** The same of a migration whose text nobody has: every type that changed needs a rule. */
export function findRetypedElsewhere(before: Catalog, after: Catalog, rules: StepRules): Difference[] {
  return findIn({ changes: [], hidden: 'a migration made elsewhere' }, before, after, rules)
}

function findIn({ changes, hidden }: ReadMigration, before: Catalog, after: Catalog, rules: StepRules): Difference[] {
  const differences: Difference[] = []
  for (const old of before.relations) {
    const now = after.byOid.get(old.oid)
    if (now === undefined || isSystemSchema(old.schema) || !hasValues(old)) continue
    // What is the same in the catalog may still have been given other values.
    if (now === old && changes.length === 0) continue
    const own = changes.filter(({ table }) => isCalled(table, old, now, before, after))
    for (const column of old.columns) {
      const other = now.columns.find(({ attnum }) => attnum === column.attnum)
      if (other === undefined || isSettled(rules, old, column, before)) continue
      const named = own.filter((change) => change.column === column.name || change.column === other.name)
      const what = complaint(named, column, other, hidden)
      if (what === undefined) continue
      const rule = { columns: { [column.name]: { type: column.type, read: '...', write: '...' } } }
      differences.push({ relation: qualifiedName(old), column: column.name, what, hint: hintFor(column), rule })
    }
  }
  return differences
}

/** One ALTER COLUMN ... TYPE. */
interface TypeChange {
  readonly table: string
  readonly column: string
  /** False where USING is a cast of the column, or is left out. */
  readonly hasMeaning: boolean
}

function complaint(
  named: readonly TypeChange[],
  before: Column,
  after: Column,
  hidden: string | undefined,
): string | undefined {
  if (named.some(({ hasMeaning }) => hasMeaning)) return 'its values were changed by ALTER TYPE ... USING'
  const isRetyped = before.typeOid !== after.typeOid || before.typmod !== after.typmod
  if (!isRetyped || named.length > 0 || hidden === undefined) return undefined
  return `its type changed from ${before.type} to ${after.type} in ${hidden}, where nobody can tell how its values did`
}

function hintFor({ name, type }: Column): string {
  return `give a rule with read and write, or say that they mean the same: columns: { ${name}: { type: ${type}, read: "...", write: "..." } } or { ${name}: { same_meaning: true } }`
}

function hasValues({ kind }: Relation): boolean {
  return kind === 'table' || kind === 'partitioned' || kind === 'foreign'
}

/** A name that neither version knows is one that the table had for a while, or a parent's. */
function isCalled(table: string, old: Relation, now: Relation, before: Catalog, after: Catalog): boolean {
  if (table === old.name || table === now.name) return true
  const isParent = old.parents.some((oid) => {
    const [parent, other] = [before.byOid.get(oid), after.byOid.get(oid)]
    return parent !== undefined && isCalled(table, parent, other ?? parent, before, after)
  })
  const isKnown = [before, after].some(({ relations }) => relations.some(({ name }) => name === table))
  return isParent || !isKnown
}

function isSettled(rules: StepRules, relation: Relation, column: Column, catalog: Catalog): boolean {
  const says = ({ columns, same }: RelationRules) =>
    columns.has(column.name) || same?.relation === true || same?.columns.has(column.name) === true
  const own = rules.get(relation.oid)
  if (own !== undefined && says(own)) return true
  return relation.parents.some((oid) => {
    const parent = catalog.byOid.get(oid)
    return parent !== undefined && isSettled(rules, parent, column, catalog)
  })
}

interface ReadMigration {
  readonly changes: readonly TypeChange[]
  /** What of it cannot be read, for a message. */
  readonly hidden: string | undefined
}

function readMigration(sql: string, parser: Parser): ReadMigration {
  const parsed = parser.parse(sql)
  const nodes = parsed.kind === 'parsed' ? parsed.statements.map(({ node }) => node) : []
  const changes = nodes.flatMap((node): TypeChange[] => {
    if (!('AlterTableStmt' in node)) return []
    const { relation, cmds = [] } = node.AlterTableStmt
    return cmds.flatMap((cmd) => ('AlterTableCmd' in cmd ? typeChange(relation?.relname ?? '', cmd.AlterTableCmd) : []))
  })
  return { changes, hidden: nodes.map(hiddenCode).find((found) => found !== undefined) }
}

function typeChange(table: string, { subtype, name: column = '', def }: AlterTableCmd): TypeChange[] {
  if (subtype !== 'AT_AlterColumnType') return []
  const using = def !== undefined && 'ColumnDef' in def ? def.ColumnDef.raw_default : undefined
  return [{ table, column, hasMeaning: using !== undefined && !isCastOf(using, column) }]
}

function isCastOf(node: Node | undefined, column: string): boolean {
  if (node === undefined) return false
  if ('TypeCast' in node) return isCastOf(node.TypeCast.arg, column)
  if ('CollateClause' in node) return isCastOf(node.CollateClause.arg, column)
  if (!('ColumnRef' in node)) return false
  const field = node.ColumnRef.fields?.at(-1)
  return field !== undefined && 'String' in field && field.String.sval === column
}

function hiddenCode(node: Node): string | undefined {
  if ('DoStmt' in node) return 'a DO block'
  if ('CallStmt' in node) return 'a procedure'
  return 'SelectStmt' in node ? 'a function' : undefined
}
