import { placeColumn } from './column-rule.js'
import type { Checked, Place, Problem } from './problem.js'
import { type RuleFileInput, ruleFileSchema } from './rule-schema.js'
import { validate } from './validate.js'
import { parseYaml, type YamlSource } from './yaml-source.js'

/** A table's name as a rule writes it: as stored, without folding. */
export interface TableName {
  readonly schema: string | undefined
  readonly name: string
}

/** A name with the place where its author wrote it. */
export interface Placed<T> {
  readonly value: T
  readonly place: Place
}

/** What a rule says of one old column. */
export interface ColumnRule {
  readonly from: Placed<string>
  /** The new column that it is; absent where no single one is: it is dropped, split, or only read. */
  readonly to: Placed<string> | undefined
  /** Absent for a column that only has another name. */
  readonly computed: ComputedRule | undefined
  /** What old INSERTs give that do not name it. */
  readonly default: Placed<string> | undefined
  /** True where what changed of it is nothing to old statements. */
  readonly sameMeaning: boolean
}

/** How an old column is read from and written to new ones; SQL text, not yet checked. */
export interface ComputedRule {
  /** Where the rule stands. */
  readonly place: Place
  /** The old type as its author wrote it. */
  readonly type: Placed<string> | undefined
  /** Absent: PostgreSQL's own cast from `to`. */
  readonly read: Placed<string> | undefined
  /** Over `value`; absent: PostgreSQL's own cast to `to`. */
  readonly writes: readonly WriteRule[] | undefined
  readonly values: ValueMap | undefined
  readonly timeZone: Placed<string> | undefined
  /** The column is gone: what old statements write is discarded. */
  readonly dropped: boolean
  /** True where the `write` of the table says how it is written, together with others. */
  readonly merged: boolean
  /** False: old statements that write the column are refused. */
  readonly writable: boolean
  /** What its author declares of the expressions (decision 6). */
  readonly declared: { readonly injective: boolean; readonly total: boolean; readonly monotone: boolean }
}

/** Old values and what they are in the new column, as text. */
export interface ValueMap {
  readonly place: Place
  readonly pairs: readonly { readonly old: Placed<string>; readonly new: Placed<string> }[]
  /** What other values are read and written as: an error, NULL, or as this old value. */
  readonly outside: { readonly read: Outside; readonly write: Outside }
}

export type Outside = { readonly kind: 'error' | 'null' } | { readonly kind: 'value'; readonly old: string }

export interface WriteRule {
  readonly column: Placed<string>
  readonly expression: Placed<string>
}

export interface InsertRule {
  readonly column: Placed<string>
  /** SQL text, not yet checked. */
  readonly expression: Placed<string>
}

/** How one table of the old version is seen through the new version. */
export interface TableRule {
  readonly from: Placed<TableName>
  /** Absent where name and schema stay. */
  readonly to: Placed<TableName> | undefined
  readonly columns: readonly ColumnRule[]
  readonly added: readonly Placed<string>[]
  /** The old columns in their order, where the author says it. */
  readonly order: { readonly place: Place; readonly columns: readonly Placed<string>[] } | undefined
  readonly insert: readonly InsertRule[]
  /** New columns that several old ones became; expressions over the old columns. */
  readonly merged: readonly WriteRule[]
  /** True where what changed of the table besides names and types is nothing to old statements. */
  readonly sameMeaning: boolean
  /** True where what the migration does to its rows need not hold for rows that old statements write afterwards. */
  readonly independent: boolean
}

/** An enum that old statements see as a type with its old labels. */
export interface TypeRule {
  readonly from: Placed<TableName>
  readonly to: Placed<TableName> | undefined
  readonly shadow: Placed<TableName>
}

/** One step, as its author declared it. */
export interface RuleFile {
  readonly file: string
  /** The version that this step leads to: the file's name without `.yaml`. */
  readonly version: string
  readonly tables: readonly TableRule[]
  readonly types?: readonly TypeRule[]
}

/** Reads one rule file; its names are not yet compared with any database. */
export function parseRuleFile(file: string, text: string): Checked<RuleFile> {
  const parsed = parseYaml(file, text)
  if (!parsed.ok) return parsed
  const source = parsed.value
  const checked = validate(ruleFileSchema, source, source.value)
  if (!checked.ok) return checked
  const problems: Problem[] = []
  const tables = Object.entries(checked.value.tables).map(([name, rule]) => placeRule(name, rule, source, problems))
  const types = Object.entries(checked.value.types ?? {}).map(([name, rule]): TypeRule => {
    const key = ['types', name]
    const at = (text: string, which: string) => placeName(text, source.placeOf([...key, which]), problems)
    return {
      from: placeName(name, source.placeOfKey(key), problems),
      to: rule.to === undefined ? undefined : at(rule.to, 'to'),
      shadow: at(rule.shadow, 'shadow'),
    }
  })
  if (problems.length > 0) return { ok: false, problems }
  return {
    ok: true,
    value: { file, version: versionOf(file), tables, ...(types.length > 0 ? { types } : {}) },
  }
}

/** `rules/0003-person-name.yaml` leads to the version `0003-person-name`. */
export function versionOf(file: string): string {
  return file.replace(/^.*[/\\]/, '').replace(/\.ya?ml$/, '')
}

type TableInput = RuleFileInput['tables'][string]

function placeRule(name: string, rule: TableInput, source: YamlSource, problems: Problem[]): TableRule {
  const path = ['tables', name]
  const key = (...rest: PropertyKey[]) => source.placeOfKey([...path, ...rest])
  const at = (...rest: PropertyKey[]) => source.placeOf([...path, ...rest])
  const tableName = (text: string, place: Place) => placeName(text, place, problems)
  return {
    from: tableName(name, key()),
    to: rule.to === undefined ? undefined : tableName(rule.to, at('to')),
    columns: Object.entries(rule.columns ?? {}).map(([from, column]) =>
      placeColumn(from, column, source, [...path, 'columns', from], problems, rule.write !== undefined),
    ),
    added: (rule.added ?? []).map((value, index) => ({ value, place: at('added', index) })),
    order:
      rule.order === undefined
        ? undefined
        : { place: at('order'), columns: rule.order.map((value, index) => ({ value, place: at('order', index) })) },
    sameMeaning: rule.same_meaning ?? false,
    independent: rule.independent ?? false,
    insert: Object.entries(rule.insert ?? {}).map(([column, expression]) => ({
      column: { value: column, place: key('insert', column) },
      expression: { value: String(expression), place: at('insert', column) },
    })),
    merged: Object.entries(rule.write ?? {}).map(([column, expression]) => ({
      column: { value: column, place: key('write', column) },
      expression: { value: String(expression), place: at('write', column) },
    })),
  }
}

function placeName(text: string, place: Place, problems: Problem[]): Placed<TableName> {
  const value = parseTableName(text)
  if (value === undefined) {
    problems.push({
      place,
      message: `expected table or schema.table, got "${text}"; a name that holds a dot needs "quotes"`,
    })
  }
  return { value: value ?? { schema: undefined, name: text }, place }
}

/** `users`, `app.users`, `"odd.schema"."odd ""name"""`: names as stored, so nothing is folded to lower case. */
export function parseTableName(text: string): TableName | undefined {
  const parts: string[] = []
  const part = /"((?:[^"]|"")+)"|([^".]+)/y
  while (true) {
    const match = part.exec(text)
    if (match === null) return undefined
    parts.push(match[1]?.replaceAll('""', '"') ?? match[2] ?? '')
    if (part.lastIndex === text.length) break
    if (text[part.lastIndex] !== '.') return undefined
    part.lastIndex++
  }
  const [first, second] = parts
  if (first === undefined || parts.length > 2) return undefined
  return second === undefined ? { schema: undefined, name: first } : { schema: first, name: second }
}
