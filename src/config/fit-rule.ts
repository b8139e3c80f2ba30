import type { Catalog, Column, Relation } from '../catalog/catalog.js'
import { isSystemSchema } from '../catalog/diff.js'
import { qualifiedName } from '../catalog/difference.js'
import { suggestName } from './nearest-name.js'
import type { Place, Problem } from './problem.js'
import type { ColumnRule, ComputedRule, Placed, RuleFile, TableName, TableRule } from './rule-file.js'
import { type ResolvedType, resolvedType, type TypeTable } from './rule-server.js'
import { findMissingShadows } from './shadow-rules.js'
import { findTable, printTableName, tableNames } from './table-name.js'

/** A table rule with the relation that it is about, in the catalog that it was compared with. */
export interface BoundRule {
  readonly rule: TableRule
  readonly relation: Relation
}

/**
 * How a rule file and a catalog go together. `after`: the catalog has the file's new names, its migration has run;
 * `before`: it has the old names; `either`: names alone do not tell (two columns that swap their names).
 */
export type Fit =
  | { readonly kind: 'after' | 'before' | 'either'; readonly bound: readonly BoundRule[] }
  | { readonly kind: 'neither'; readonly problems: readonly Problem[] }

/** Compares one rule file with a catalog. */
export function fitRule(catalog: Catalog, file: RuleFile, types: TypeTable): Fit {
  const problems = findContradictions(file)
  if (problems.length > 0) return { kind: 'neither', problems }
  const names = namesOf(file)
  const tables = file.tables.map((rule) => ({
    rule,
    after: fitAfter(catalog, rule, names, types),
    before: fitBefore(catalog, rule, names, types),
  }))
  for (const { rule, after, before } of tables) {
    if (!after.ok && !before.ok) problems.push(...explain(catalog, rule, after, before))
  }
  if (problems.length > 0) return { kind: 'neither', problems }

  const bind = (state: 'after' | 'before') =>
    tables.flatMap((table) => {
      const fit = table[state]
      return fit.ok ? [{ rule: table.rule, relation: fit.relation }] : []
    })
  const isAfter = tables.every(({ after }) => after.ok)
  const isBefore = tables.every(({ before }) => before.ok)
  if (isAfter || isBefore) {
    const bound = bind(isAfter ? 'after' : 'before')
    const twice = findDoubles(bound)
    if (twice.length > 0) return { kind: 'neither', problems: twice }
    // Where names do not tell, shadow types do: the migration makes them.
    const shadows = file.types === undefined ? undefined : findMissingShadows(catalog, file).length === 0
    const both = shadows === undefined ? 'either' : shadows ? 'after' : 'before'
    const kind = isAfter && isBefore ? both : isAfter ? 'after' : 'before'
    return { kind, bound: kind === 'before' ? bind('before') : bound }
  }
  return {
    kind: 'neither',
    problems: tables
      .filter(({ after }) => !after.ok)
      .map(({ rule }) => ({
        place: rule.from.place,
        message: `"${printTableName(rule.from.value)}" is still as before this migration, while other tables of this file are as after it; one file is one migration`,
      })),
  }
}

/** The relations of a file that is known to fit one way. */
export function bindRule(
  catalog: Catalog,
  file: RuleFile,
  state: 'after' | 'before',
  types: TypeTable,
): readonly BoundRule[] {
  const names = namesOf(file)
  return file.tables.flatMap((rule) => {
    const fit = state === 'after' ? fitAfter(catalog, rule, names, types) : fitBefore(catalog, rule, names, types)
    return fit.ok ? [{ rule, relation: fit.relation }] : []
  })
}

/** Old columns that are one new column each, under another name or the same. */
export function heldColumns(
  rule: TableRule,
): readonly { readonly from: Placed<string>; readonly to: Placed<string> }[] {
  return rule.columns.flatMap(({ from, to }) => (to === undefined ? [] : [{ from, to }]))
}

/** Old columns that the new relation has no column for: dropped, split, or only read from others. */
export function vanishedColumns(rule: TableRule, { columns }: Pick<Relation, 'columns'>): readonly ColumnRule[] {
  const existing = new Set(columns.map(({ name }) => name))
  const taken = new Set([...addedColumns(rule).keys(), ...heldColumns(rule).map(({ to }) => to.value)])
  return rule.columns.filter(({ from, to }) => to === undefined && (!existing.has(from.value) || taken.has(from.value)))
}

/** The names of the old columns, in an order that need not be theirs. */
export function oldColumnNames(rule: TableRule, relation: Pick<Relation, 'columns'>): readonly string[] {
  const added = addedColumns(rule)
  const old = new Map(heldColumns(rule).map(({ from, to }) => [to.value, from.value]))
  return [
    ...relation.columns.filter(({ name }) => !added.has(name)).map(({ name }) => old.get(name) ?? name),
    ...vanishedColumns(rule, relation).map(({ from }) => from.value),
  ]
}

/** Columns that old statements do not see. A column that INSERTs must be given is one of them. */
export function addedColumns(rule: TableRule): Map<string, Place> {
  const held = new Set(heldColumns(rule).map(({ to }) => to.value))
  const kept = new Set(rule.columns.filter(({ to }) => to === undefined).map(({ from }) => from.value))
  const written = [...rule.columns.flatMap(({ computed }) => computed?.writes ?? []), ...rule.merged]
    .filter(({ column }) => !held.has(column.value) && !kept.has(column.value))
    .map(({ column }): [string, Place] => [column.value, column.place])
  const inserted = rule.insert.map(({ column }): [string, Place] => [column.value, column.place])
  return new Map([...written, ...inserted, ...rule.added.map(({ value, place }): [string, Place] => [value, place])])
}

/** The names that tables of one file leave and take: renames happen at once, so they may swap. */
interface FileNames {
  readonly left: ReadonlySet<string>
  readonly taken: ReadonlySet<string>
}

function namesOf(file: RuleFile): FileNames {
  const moved = file.tables.filter((rule) => rule.to !== undefined).map(tableNames)
  return {
    left: new Set(moved.map(({ before }) => printTableName(before))),
    taken: new Set(moved.map(({ after }) => printTableName(after))),
  }
}

/** Names of a file stand there with or without their schema. */
function holds(names: ReadonlySet<string>, schema: string, name: string): boolean {
  return names.has(name) || names.has(printTableName({ schema, name }))
}

type TableFit =
  | { readonly ok: true; readonly relation: Relation }
  | { readonly ok: false; readonly relation: Relation | undefined; readonly problems: readonly Problem[] }

function fitAfter(catalog: Catalog, rule: TableRule, names: FileNames, types: TypeTable): TableFit {
  const { before, after } = tableNames(rule)
  const relation = findTable(catalog, after)
  if (relation === undefined) return { ok: false, relation, problems: [] }
  const oldSchema = before.schema ?? relation.schema
  if (rule.to !== undefined && !holds(names.taken, oldSchema, before.name)) {
    const old = findTable(catalog, { schema: oldSchema, name: before.name })
    // A relation made after the rename may have taken the old name; an older one is the table itself, not renamed yet.
    if (old !== undefined && old.oid < relation.oid) return { ok: false, relation, problems: [] }
  }
  const problems: Problem[] = []
  const existing = new Set(relation.columns.map((column) => column.name))
  const added = addedColumns(rule)
  const renamed = new Map(heldColumns(rule).map(({ from, to }) => [to.value, from]))
  for (const { from, to } of heldColumns(rule)) {
    if (!existing.has(to.value)) problems.push(missingColumn(relation, to.value, to.place))
    else if (existing.has(from.value) && !renamed.has(from.value) && !added.has(from.value)) {
      problems.push({
        place: from.place,
        message: `${qualifiedName(relation)} has both "${to.value}" and "${from.value}"; where "${from.value}" is a new column under the old name, list it in "added"`,
      })
    }
  }
  for (const [name, place] of added) {
    if (!existing.has(name)) problems.push(missingColumn(relation, name, place))
  }
  for (const { from, to, computed } of rule.columns) {
    if (computed?.dropped === true && existing.has(from.value) && !renamed.has(from.value) && !added.has(from.value)) {
      problems.push({ place: from.place, message: `${qualifiedName(relation)} still has the column "${from.value}"` })
    }
    // Of a column that keeps its name the type alone tells, and only where it must be another one.
    const type = resolvedType(types, computed?.type?.value)
    const column = relation.columns.find(({ name }) => name === to?.value)
    if (type === undefined || column === undefined || computed === undefined || !isAnotherType(computed)) continue
    if (isOfType(column, type)) {
      const message = `${qualifiedName(relation)} has "${column.name}" as ${type.type} still`
      problems.push({ place: computed.type?.place ?? from.place, message })
    }
  }
  return problems.length === 0 ? { ok: true, relation } : { ok: false, relation, problems }
}

function fitBefore(catalog: Catalog, rule: TableRule, names: FileNames, types: TypeTable): TableFit {
  const { before, after } = tableNames(rule)
  const relation = findTable(catalog, before)
  if (relation === undefined) return { ok: false, relation, problems: [] }
  const newSchema = after.schema ?? relation.schema
  if (rule.to !== undefined && !holds(names.left, newSchema, after.name)) {
    const taken = findTable(catalog, { schema: newSchema, name: after.name })
    if (taken !== undefined) {
      const message = `${qualifiedName(taken)} exists already, and so does ${qualifiedName(relation)}`
      return { ok: false, relation, problems: [{ place: rule.to.place, message }] }
    }
  }
  const problems: Problem[] = []
  const existing = new Set(relation.columns.map((column) => column.name))
  const left = new Set(heldColumns(rule).map(({ from }) => from.value))
  for (const { from, to } of heldColumns(rule)) {
    if (!existing.has(from.value)) problems.push(missingColumn(relation, from.value, from.place))
    else if (existing.has(to.value) && !left.has(to.value)) problems.push(takenColumn(relation, to.value, to.place))
  }
  for (const [name, place] of addedColumns(rule)) {
    if (existing.has(name) && !left.has(name)) problems.push(takenColumn(relation, name, place))
  }
  for (const { from, to, computed } of rule.columns) {
    const column = relation.columns.find(({ name }) => name === from.value)
    const type = resolvedType(types, computed?.type?.value)
    if (column === undefined && to === undefined) problems.push(missingColumn(relation, from.value, from.place))
    if (column === undefined || type === undefined || isOfType(column, type)) continue
    const message = `${qualifiedName(relation)} has "${column.name}" as ${column.type}, not as ${type.type}`
    problems.push({ place: computed?.type?.place ?? from.place, message })
  }
  return problems.length === 0 ? { ok: true, relation } : { ok: false, relation, problems }
}

function isOfType(column: Column, type: ResolvedType): boolean {
  return column.typeOid === type.typeOid && column.typmod === type.typmod && column.collationOid === type.collationOid
}

/** True where the migration must have changed the type or the collation: without that the rule would say nothing. */
function isAnotherType({ read, values, timeZone, type }: ComputedRule): boolean {
  return (
    (read === undefined && values === undefined) || timeZone !== undefined || /\bcollate\b/i.test(type?.value ?? '')
  )
}

function missingColumn(relation: Relation, name: string, place: Place): Problem {
  const known = relation.columns.map((column) => column.name)
  return { place, message: `${qualifiedName(relation)} has no column "${name}"${suggestName(name, known)}` }
}

function takenColumn(relation: Relation, name: string, place: Place): Problem {
  return { place, message: `${qualifiedName(relation)} has a column "${name}" already` }
}

/** Why a table fits neither way: names that are unknown both ways, else the reading that is nearer to the database. */
function explain(catalog: Catalog, rule: TableRule, after: TableFit, before: TableFit): readonly Problem[] {
  if (after.relation === undefined && before.relation === undefined) return [missingTable(catalog, rule)]
  const relation = before.relation ?? after.relation
  const unknown = relation === undefined ? [] : unknownColumns(relation, rule)
  if (unknown.length > 0) return unknown
  const afterProblems = after.ok ? [] : after.problems
  const beforeProblems = before.ok ? [] : before.problems
  const isBefore =
    beforeProblems.length > 0 && (afterProblems.length === 0 || beforeProblems.length < afterProblems.length)
  return (isBefore ? beforeProblems : afterProblems).map(({ place, message }) => ({
    place,
    message: `this file does not fit the database: ${isBefore ? 'before' : 'after'} the migration, ${message}`,
  }))
}

function unknownColumns(relation: Relation, rule: TableRule): Problem[] {
  const known = new Set(relation.columns.map((column) => column.name))
  return heldColumns(rule)
    .filter(({ from, to }) => !known.has(from.value) && !known.has(to.value))
    .map(({ from, to }) => ({
      place: from.place,
      message: `${qualifiedName(relation)} has neither "${from.value}" (before this migration) nor "${to.value}" (after it)${suggestName(from.value, known)}`,
    }))
}

function missingTable(catalog: Catalog, rule: TableRule): Problem {
  const { before, after } = tableNames(rule)
  const user = catalog.relations.filter((relation) => !isSystemSchema(relation.schema))
  const say = (name: TableName) => printTableName(name)
  const known = user.flatMap((relation) => [relation.name, qualifiedName(relation)])
  const what =
    rule.to === undefined
      ? `there is no table "${say(before)}"`
      : `there is neither a table "${say(before)}" (before this migration) nor "${say(after)}" (after it)`
  return { place: rule.from.place, message: `${what}${suggestName(say(before), known)}` }
}

/** What is wrong with a file whatever the database is. */
function findContradictions(file: RuleFile): Problem[] {
  const tables = new Map<string, string>()
  return file.tables.flatMap((rule) => {
    const problems = findColumnContradictions(rule)
    const name = printTableName(tableNames(rule).after)
    const other = tables.get(name)
    if (other !== undefined) {
      problems.push({ place: rule.to?.place ?? rule.from.place, message: `table "${other}" already becomes "${name}"` })
    }
    tables.set(name, printTableName(rule.from.value))
    return problems
  })
}

function findColumnContradictions(rule: TableRule): Problem[] {
  const problems: Problem[] = []
  const origins = new Map<string, string>()
  for (const { from, to } of heldColumns(rule)) {
    const other = origins.get(to.value)
    if (other !== undefined)
      problems.push({ place: to.place, message: `column "${other}" already becomes "${to.value}"` })
    origins.set(to.value, from.value)
  }
  for (const { value, place } of [...rule.added, ...rule.insert.map(({ column }) => column)]) {
    const other = origins.get(value)
    if (other !== undefined) problems.push({ place, message: `"${value}" is not a new column: "${other}" becomes it` })
  }
  return problems
}

function findDoubles(bound: readonly BoundRule[]): Problem[] {
  const seen = new Map<number, BoundRule>()
  return bound.flatMap((entry) => {
    const other = seen.get(entry.relation.oid)
    seen.set(entry.relation.oid, entry)
    if (other === undefined) return []
    const name = printTableName(other.rule.from.value)
    return [{ place: entry.rule.from.place, message: `this is the same table as "${name}"; put both rules together` }]
  })
}
