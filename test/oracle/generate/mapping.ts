import type { ColumnRuleInput } from '../../../src/config/rule-schema.js'
import type { Choices } from './choices.js'
import { type Column, quote } from './model.js'
import { declared, literalOf, type Type, types } from './types.js'

/** What becomes of one column, besides another name; new names are in force already. */
export interface ColumnChange {
  /** ALTER TABLE actions and other SQL, for the table's name. */
  readonly sql: (target: string) => readonly string[]
  /** Nothing where identity shows enough. */
  readonly rule?: ColumnRuleInput
  /** The columns that it left, the first in its place, the others at the end of the table. */
  readonly left: readonly Column[]
}

/** A kind of change that suits the column; undefined where none does or is chosen. */
export function changeColumn(choices: Choices, column: Column, freshName: () => string): ColumnChange | undefined {
  const kinds = kindsOf(choices, column, freshName)
  return choices.chance(40) ? choices.pickAny(kinds)?.() : undefined
}

/** Casts of PostgreSQL that keep every value of these types. */
const casts: { readonly [type in Type]?: readonly Type[] } = {
  int: ['big', 'num'],
  small: ['int', 'big'],
  big: ['int', 'num'],
  level: ['big'],
  text: ['varcharAny'],
  varchar: ['text', 'varchar20', 'varcharAny'],
  varchar20: ['text', 'varchar'],
  varcharAny: ['text'],
  numeric: ['numeric4', 'num'],
  numeric4: ['numeric'],
  date: ['stamp'],
  array: ['varchars'],
  varchars: ['array'],
  ints: ['bigs'],
  bigs: ['ints'],
  digits: ['int', 'big'],
}

function kindsOf(choices: Choices, column: Column, freshName: () => string): (() => ColumnChange)[] {
  const { type, name, fixed, unique } = column
  const it = quote(name)
  const kinds: (() => ColumnChange)[] = (casts[type] ?? []).map((to) => () => castTo(choices, column, to))
  const changed = (to: Type, write: string, rule: Exclude<ColumnRuleInput, string>) =>
    kinds.push(() => ({
      sql: (target) => retype(target, column, to, write),
      rule: { to: name, ...rule },
      left: [{ ...column, type: to, ...(column.fallback === undefined ? {} : { fallback: written(column, write) }) }],
    }))
  const ruled = (to: Type, read: string, write: string, declares: object = {}) =>
    changed(to, write, { ...declares, read, write })
  const mapped = (to: Type, values: Readonly<Record<string, string>>) => {
    const cases = Object.entries(values).map(([old, now]) => `WHEN '${old}' THEN ${literalOf(to, now)}`)
    changed(to, `CASE value ${cases.join(' ')} END`, { values, ...(choices.chance(30) ? { outside: 'error' } : {}) })
  }
  switch (type) {
    case 'digits':
      ruled('int', `${it}::text`, 'value::integer', { injective: true })
      break
    case 'int':
    case 'level':
      if (fixed !== true)
        ruled('big', `(${it} / 100)::integer`, 'value::bigint * 100', { injective: true, total: true, monotone: true })
      break
    case 'numeric':
      ruled('big', `(${it} / 100.0)::numeric(8,2)`, '(value * 100)::bigint', {
        injective: true,
        total: true,
        monotone: true,
      })
      break
    case 'stamp': {
      const zone = choices.pick(['UTC', 'Asia/Kolkata'])
      changed('stamptz', `value AT TIME ZONE '${zone}'`, { time_zone: zone })
      const there = { injective: true, total: true, monotone: true }
      ruled('stamptz', `${it} AT TIME ZONE '${zone}'`, `value AT TIME ZONE '${zone}'`, there)
      break
    }
    case 'stamptz':
      ruled('stamp', `${it} AT TIME ZONE 'UTC'`, `value AT TIME ZONE 'UTC'`, { injective: true, total: true })
      break
    case 'bool':
      mapped('code', { true: 'A', false: 'C' })
      ruled('text', `${it} = 'yes'`, "CASE value WHEN true THEN 'yes' WHEN false THEN 'no' END", {
        injective: true,
        total: true,
      })
      break
    case 'code':
      mapped('text', { A: 'active', B: 'blocked', C: 'closed' })
      mapped('level', { A: '3', B: '1', C: '2' })
      ruled('int', `chr(64 + ${it})`, 'ascii(value) - 64')
      break
    case 'goneBool':
    case 'goneText': {
      const gone = type === 'goneBool' ? 'false' : "'none'"
      kinds.push(() => ({
        sql: (target) => [`ALTER TABLE ${target} DROP ${it}`],
        rule: { dropped: true, type: declared(type), read: gone },
        left: [],
      }))
      break
    }
    case 'pair':
      if (unique !== true) kinds.push(() => split(column, [freshName(), freshName()]))
      break
  }
  return kinds
}

/** Casts that may fail for what an old statement writes: a rule says that none does. */
const narrowing: { readonly [type in Type]?: readonly Type[] } = {
  digits: ['int', 'big'],
  big: ['int'],
  varchar20: ['varchar'],
  varcharAny: ['varchar'],
  numeric4: ['numeric'],
  bigs: ['ints'],
}

/** Without a rule, with one that names nothing but the column, or with one that says what PostgreSQL cannot know. */
function castTo(choices: Choices, column: Column, to: Type): ColumnChange {
  const { name, type } = column
  const write = `value::${declared(to)}`
  const rule: ColumnRuleInput | undefined =
    narrowing[type]?.includes(to) === true
      ? { to: name, same_meaning: true }
      : choices.chance(20)
        ? { to: name, type: declared(type) }
        : undefined
  return {
    sql: (target) => retype(target, column, to, write),
    ...(rule === undefined ? {} : { rule }),
    left: [{ ...column, type: to, ...(column.fallback === undefined ? {} : { fallback: written(column, write) }) }],
  }
}

function retype(target: string, column: Column, to: Type, write: string): readonly string[] {
  const it = quote(column.name)
  const actions = [
    ...(column.fallback === undefined ? [] : [`ALTER ${it} DROP DEFAULT`]),
    `ALTER ${it} TYPE ${declared(to)} USING ${write.replaceAll(/\bvalue\b/g, it)}`,
  ]
  const fallback =
    column.fallback === undefined ? [] : [`ALTER TABLE ${target} ALTER ${it} SET DEFAULT ${written(column, write)}`]
  return [`ALTER TABLE ${target} ${actions.join(', ')}`, ...fallback]
}

/**
 * Two columns of words that become one. A word that is NULL would take the other with it, so none may be; a default that
 * calls a function wants a word in the rule.
 */
export function mergeable(columns: readonly Column[]): readonly [Column, Column] | undefined {
  const [first, second] = columns.filter(
    ({ type, notNull, fallback = '(' }) => type === 'word' && notNull === true && !fallback.includes('('),
  )
  return first === undefined || second === undefined ? undefined : [first, second]
}

/** `old`: what the columns were called before this step. */
export function merge(
  [first, second]: readonly [Column, Column],
  old: readonly [string, string],
  name: string,
): {
  readonly sql: (target: string) => readonly string[]
  readonly rules: { readonly [column: string]: ColumnRuleInput }
  readonly write: { readonly [column: string]: string }
  readonly left: Column
} {
  const [it, both] = [quote(name), `${quote(first.name)} || ' ' || ${quote(second.name)}`]
  const fallback = `(${first.fallback})::text || ' ' || (${second.fallback})::text`
  return {
    sql: (target) => [
      `ALTER TABLE ${target} ADD ${it} text`,
      `UPDATE ${target} SET ${it} = ${both}`,
      `ALTER TABLE ${target} ALTER ${it} SET NOT NULL, ALTER ${it} SET DEFAULT ${fallback}`,
      `ALTER TABLE ${target} DROP ${quote(first.name)}, DROP ${quote(second.name)}`,
    ],
    rules: Object.fromEntries(
      old.map((column, index) => [column, { type: types.word.sql, read: `split_part(${it}, ' ', ${index + 1})` }]),
    ),
    write: { [name]: `${quote(old[0])} || ' ' || ${quote(old[1])}` },
    left: { name, type: 'pair', notNull: true, fallback },
  }
}

function split(column: Column, [first, second]: readonly [string, string]): ColumnChange {
  const it = quote(column.name)
  const parts = [first, second].map((name, index) => ({ name, write: `split_part(value, ' ', ${index + 1})` }))
  const left = parts.map(
    ({ name, write }): Column => ({
      name,
      type: 'word',
      ...(column.notNull === true ? { notNull: true } : {}),
      ...(column.fallback === undefined ? {} : { fallback: written(column, write) }),
    }),
  )
  return {
    sql: (target) => [
      `ALTER TABLE ${target} ${parts.map(({ name }) => `ADD ${quote(name)} text`).join(', ')}`,
      `UPDATE ${target} SET ${parts.map(({ name, write }) => `${quote(name)} = ${write.replace('value', it)}`).join(', ')}`,
      ...left.flatMap(({ name, notNull, fallback }) => [
        ...(notNull === true ? [`ALTER TABLE ${target} ALTER ${quote(name)} SET NOT NULL`] : []),
        ...(fallback === undefined ? [] : [`ALTER TABLE ${target} ALTER ${quote(name)} SET DEFAULT ${fallback}`]),
      ]),
      `ALTER TABLE ${target} DROP ${it}`,
    ],
    rule: {
      type: types.pair.sql,
      read: parts.map(({ name }) => quote(name)).join(" || ' ' || "),
      write: Object.fromEntries(parts.map(({ name, write }) => [name, write])),
    },
    left,
  }
}

/** What an expression over `value` makes of a column's default. */
function written({ fallback, type }: Column, write: string): string {
  return write.replaceAll(/\bvalue\b/g, `(${fallback})::${declared(type)}`)
}
