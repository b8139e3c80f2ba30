import type { InsertStmt, MergeStmt, Node, RangeVar, UpdateStmt } from 'libpg-query'
import type { Catalog, Relation } from '../../catalog/catalog.js'
import { isSystemSchema } from '../../catalog/diff.js'
import { type Difference, qualifiedName } from '../../catalog/difference.js'
import { taggedNode } from '../../resolve/node.js'
import type { RelationRules, StepRules } from '../../rewrite/plan-step.js'
import type { Parser } from '../../sql/parse.js'

export interface BackfillQuestion {
  /** The migration's text. */
  readonly sql: string
  readonly parser: Parser
  readonly before: Catalog
  readonly after: Catalog
  readonly rules: StepRules
  /** Tables in which migration tools keep what they have run. */
  readonly ledgers: readonly string[]
  /** oids of tables that the transaction has updated, or inserted into, by whatever code. */
  readonly written: ReadonlySet<number>
}

/**
 * Data that a migration changes, or copies out of, in tables that running clients go on to use: what old clients write
 * afterwards is not carried over, so that old and new clients would drift apart (decision 14). Not so for columns of
 * which a rule says what becomes of what old clients write, for a table that the migration makes anew, and for what its author
 * calls independent.
 *
 *     ALTER TABLE users ADD full_name text; UPDATE users SET full_name = first || ' ' || last
 */
export function findBackfills(question: BackfillQuestion): Difference[] {
  const parsed = question.parser.parse(question.sql)
  const nodes = parsed.kind === 'parsed' ? parsed.statements.map(({ node }) => node) : []
  const writes = nodes.flatMap((node) => readWrites(node))
  const found = writes.flatMap((write) => judge(question, write))
  const hidden = nodes.map(hiddenCode).find((code) => code !== undefined)
  if (hidden !== undefined) {
    const seen = new Set(
      writes.flatMap(({ target }) => (target === undefined ? [] : (liveTable(question, target)?.old.oid ?? []))),
    )
    for (const oid of question.written) {
      const relation = question.before.byOid.get(oid)
      if (relation === undefined || seen.has(oid) || question.ledgers.includes(relation.name)) continue
      found.push(
        ...complain(question, relation, `${hidden} changed its rows, and nobody can tell which of its columns`),
      )
    }
  }
  const lines = new Map(found.map((difference) => [`${difference.relation} ${difference.what}`, difference]))
  return [...lines.values()]
}

/** One statement that changes or copies rows. */
interface Write {
  readonly command: 'UPDATE' | 'INSERT ... SELECT' | 'MERGE' | 'CREATE TABLE AS'
  readonly target: RangeVar | undefined
  /** Columns that it assigns to existing rows; undefined where it makes rows. */
  readonly assigned: readonly string[] | undefined
  /** Tables that it reads besides. */
  readonly sources: readonly RangeVar[]
}

/** Statements anywhere in a node, those in WITH among them. */
function readWrites(node: Node): readonly Write[] {
  const found: Write[] = []
  visit(node, (tag, body) => {
    const write = readWrite(tag, body)
    if (write !== undefined) found.push(write)
  })
  return found
}

function readWrite(tag: string, body: Record<string, unknown>): Write | undefined {
  switch (tag) {
    case 'UpdateStmt': {
      const { relation, targetList = [] } = body as UpdateStmt
      const sources = tablesOf([body.fromClause, body.whereClause, body.targetList, body.withClause])
      return { command: 'UPDATE', target: relation, assigned: assignedColumns(targetList), sources }
    }
    case 'InsertStmt': {
      const { relation, selectStmt } = body as InsertStmt
      const isQuery =
        selectStmt !== undefined && 'SelectStmt' in selectStmt && selectStmt.SelectStmt.valuesLists === undefined
      if (!isQuery) return undefined
      return {
        command: 'INSERT ... SELECT',
        target: relation,
        assigned: undefined,
        sources: tablesOf([selectStmt, body.withClause]),
      }
    }
    case 'MergeStmt': {
      const { relation, mergeWhenClauses = [] } = body as MergeStmt
      const clauses = mergeWhenClauses.flatMap((clause) =>
        'MergeWhenClause' in clause ? [clause.MergeWhenClause] : [],
      )
      const makesRows = clauses.some(({ commandType }) => commandType === 'CMD_INSERT')
      const updates = clauses.filter(({ commandType }) => commandType === 'CMD_UPDATE')
      return {
        command: 'MERGE',
        target: relation,
        assigned: makesRows ? undefined : updates.flatMap(({ targetList = [] }) => assignedColumns(targetList)),
        sources: tablesOf([body.sourceRelation, body.withClause]),
      }
    }
    case 'CreateTableAsStmt': {
      const { into, objtype } = body as { into?: { rel?: RangeVar }; objtype?: string }
      if (objtype !== 'OBJECT_TABLE' || into?.rel?.relpersistence === 't') return undefined
      return { command: 'CREATE TABLE AS', target: undefined, assigned: undefined, sources: tablesOf([body.query]) }
    }
    case 'SelectStmt': {
      const { intoClause } = body as { intoClause?: { rel?: RangeVar } }
      if (intoClause === undefined || intoClause.rel?.relpersistence === 't') return undefined
      return { command: 'CREATE TABLE AS', target: undefined, assigned: undefined, sources: tablesOf([body]) }
    }
    default:
      return undefined
  }
}

function assignedColumns(targets: readonly Node[]): readonly string[] {
  return targets.flatMap((target) => ('ResTarget' in target ? [target.ResTarget.name ?? ''] : []))
}

function tablesOf(value: unknown): readonly RangeVar[] {
  const found: RangeVar[] = []
  visit(value, (tag, body) => {
    if (tag === 'RangeVar') found.push(body as RangeVar)
  })
  return found
}

function visit(value: unknown, see: (tag: string, body: Record<string, unknown>) => void): void {
  if (Array.isArray(value)) {
    for (const one of value) visit(one, see)
    return
  }
  if (typeof value !== 'object' || value === null) return
  const tagged = taggedNode(value)
  if (tagged !== undefined) see(tagged.tag, tagged.body)
  visit(Object.values(tagged?.body ?? value), see)
}

/** A table of the version before that is there still. */
interface LiveTable {
  readonly old: Relation
  readonly now: Relation
}

/** By the name that it had before or has after; a name that is neither is of the migration's own. */
function liveTable(
  { before, after, ledgers }: BackfillQuestion,
  { schemaname, relname }: RangeVar,
): LiveTable | undefined {
  if (relname === undefined || ledgers.includes(relname)) return undefined
  const isCalled = ({ schema, name }: Relation) =>
    name === relname && (schemaname === undefined || schema === schemaname)
  for (const old of before.relations) {
    const now = after.byOid.get(old.oid)
    if (now === undefined || isSystemSchema(old.schema)) continue
    if (isCalled(old) || isCalled(now)) return { old, now }
  }
  return undefined
}

function judge(question: BackfillQuestion, { command, target, assigned, sources }: Write): readonly Difference[] {
  const table = target === undefined ? undefined : liveTable(question, target)
  if (table !== undefined) {
    const { old, now } = table
    if (assigned === undefined) return complain(question, old, `rows are added to it by ${command}`)
    const rules = rulesFor(question, old)
    return assigned.flatMap((name) => {
      const column = now.columns.find((candidate) => candidate.name === name)
      const isNew = column !== undefined && !old.columns.some(({ attnum }) => attnum === column.attnum)
      if (isNew ? isExplained(rules, name) : isWritten(rules, name)) return []
      const what = isNew
        ? `the new column "${name}" is filled by ${command}, and no rule says what old clients write to it`
        : `its column "${name}" is changed by ${command}`
      return complain(question, old, what, isNew ? name : undefined)
    })
  }
  // A table of the migration's own: what it was filled from goes on to be written to.
  return sources.flatMap((source) => {
    const live = liveTable(question, source)
    return live === undefined ? [] : complain(question, live.old, `its rows are copied by ${command}`)
  })
}

function complain(
  question: BackfillQuestion,
  relation: Relation,
  what: string,
  column?: string,
): readonly Difference[] {
  if (rulesFor(question, relation)?.independent === true) return []
  const rule =
    column === undefined
      ? ''
      : `give a rule for it, e.g. tables: { ${relation.name}: { insert: { ${column}: "..." } } }, or `
  const hint = `what old clients write afterwards would differ: ${rule}where that is no matter, say so: tables: { ${relation.name}: { independent: true } }`
  const answer = column === undefined ? { independent: true } : { insert: { [column]: '...' } }
  return [{ relation: qualifiedName(relation), what, hint, rule: answer }]
}

/** A partition has what its parent has. */
function rulesFor({ rules, before }: BackfillQuestion, relation: Relation): RelationRules | undefined {
  const own = rules.get(relation.oid)
  if (own !== undefined) return own
  for (const oid of relation.parents) {
    const parent = before.byOid.get(oid)
    const above = parent === undefined ? undefined : rulesFor({ rules, before } as BackfillQuestion, parent)
    if (above !== undefined) return above
  }
  return undefined
}

/** True where a rule says what a new column gets from old writers, or that there are none. */
function isExplained(rules: RelationRules | undefined, name: string): boolean {
  if (rules === undefined || isWritten(rules, name)) return rules !== undefined
  const readOnly = [...rules.columns.values()].filter(({ writable }) => writable === false)
  return (
    rules.insert.some(({ column }) => column === name) ||
    readOnly.some(({ read }) => read.some((part) => typeof part !== 'string' && part.column === name))
  )
}

/** True where a rule says how what old clients write is written to the column: their values are mapped, too. */
function isWritten(rules: RelationRules | undefined, name: string): boolean {
  const writes = [...(rules?.columns.values() ?? [])].flatMap((column) => column.writes)
  return [...writes, ...(rules?.merged ?? [])].some(({ column }) => column === name)
}

function hiddenCode(node: Node): string | undefined {
  if ('DoStmt' in node) return 'a DO block'
  if ('CallStmt' in node) return 'a procedure'
  return 'SelectStmt' in node ? 'a function' : undefined
}
