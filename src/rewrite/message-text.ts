import { fromByteString } from '../sql/byte-string.js'
import { quoteIdentifier } from '../sql/identifier.js'
import type { ColumnBack } from './names-back.js'

/** What names of the newer version are called in the older one; undefined where they keep their name, or have none. */
export interface OldNames {
  relation(name: string): string | undefined
  columnOf(relation: string, column: string): string | undefined
  /** A column of the one relation that the message or the statement is about. */
  column(name: string): string | undefined
  /**
   * A column in `Key (...)`, of the relation whose constraint failed, or that its foreign key refers to; `none` where that
   * has no such column, undefined where the older version has none such.
   */
  keyColumn(name: string, isReferenced: boolean): ColumnBack | 'none' | undefined
  constraint(name: string): string | undefined
  /** A relation that an action on another one reaches. */
  cascaded(name: string): string | undefined
  /** The relation that the message's foreign key points to. */
  referenced(name: string): string | undefined
  /** A data type or function, as a message prints it. */
  object(printed: string): string | undefined
  /** The range variable that a hint names: a table without an alias has its new name. */
  shownRange(name: string): string
  /** A column that a hint proposes; undefined where the older version has none such. */
  shownColumn(name: string): string | undefined
}

/** A message (M), detail (D), hint (H) or context (W) in old names; undefined where it would tell of what is not there. */
export function mapText(code: 'M' | 'D' | 'H' | 'W', text: string, old: OldNames): string | undefined {
  switch (code) {
    case 'W':
      return mapContext(text, old)
    case 'H':
      return mapHint(text, old)
    case 'D':
      if (text.startsWith(KEY)) return mapKey(text, KEY, old)
      if (text.startsWith(PARTITION_KEY)) return mapKey(text, PARTITION_KEY, old)
      return mapPlaces(mapDependencies(text, old), old)
    case 'M':
      return mapPlaces(text, old)
  }
}

/** Messages about the statement's own range variables, which have their old names. */
const OWN_NAMES =
  /FROM[- ]clause|^There is an entry for table|^There is a column named|^There are columns named|table name .* specified more than once|columns available|table reference/

type Place = readonly [RegExp, (old: OldNames, ...groups: string[]) => string]

/** The places where PostgreSQL's messages print names of relations, columns and constraints as the catalog has them. */
const PLACES: readonly Place[] = [
  [
    /\b([Cc]olumn) "([^"]+)" (of (?:relation|table)) "([^"]+)"/g,
    (old, a, column = '', b, relation = '') =>
      `${a} "${old.columnOf(relation, column) ?? column}" ${b} "${old.relation(relation) ?? relation}"`,
  ],
  [
    /\b([Cc]olumn) "([^"]+)" (is of type|referenced in|can only be updated|is an identity|is a generated|specified more than once|has no default value)/g,
    (old, a, column = '', b) => `${a} "${old.column(column) ?? column}" ${b}`,
  ],
  [
    /^(cannot (?:insert a non-DEFAULT value into|subscript|assign to field .* of) column) "([^"]+)"/g,
    (old, a, column = '') => `${a} "${old.column(column) ?? column}"`,
  ],
  [
    /^(multiple assignments to same column) "([^"]+)"/g,
    (old, a, column = '') => `${a} "${old.column(column) ?? column}"`,
  ],
  [
    /^(relation) "([^"]+)" (already exists)/g,
    (old, a, name = '', b) => `${a} "${old.relation(name) ?? old.constraint(name) ?? name}" ${b}`,
  ],
  [/\b(constraint|index) "([^"]+)"/g, (old, a, name = '') => `${a} "${old.constraint(name) ?? name}"`],
  [
    /\b((?:for|on|(?<!cascades )to|from|in|into|of|open|lock|referenced) (?:relation|table|view|materialized view|sequence|foreign table)) "([^"]+)"/g,
    (old, a, name = '') => `${a} "${old.relation(name) ?? name}"`,
  ],
  [/^(truncate cascades to table) "([^"]+)"/g, (old, a, name = '') => `${a} "${old.cascaded(name) ?? name}"`],
  [
    /^(cannot (?:insert into|update|delete from|copy from|copy to|change|lock|truncate) (?:\w+ )?(?:table|view|relation|sequence)) "([^"]+)"/g,
    (old, a, name = '') => `${a} "${old.relation(name) ?? name}"`,
  ],
  [/^"([^"]+)" (is (?:not )?an? )/g, (old, name = '', a) => `"${old.relation(name) ?? name}" ${a}`],
  [
    /\b(of sequence) "([^"]+)" (is not yet defined)/g,
    (old, a, name = '', b) => `${a} "${old.relation(name) ?? name}" ${b}`,
  ],
  [
    /\b(maximum|minimum) value of sequence "([^"]+)"/g,
    (old, a, name = '') => `${a} value of sequence "${old.relation(name) ?? name}"`,
  ],
  [
    /^(Table) "([^"]+)" (references) "([^"]+)"/g,
    (old, a, first = '', b, second = '') =>
      `${a} "${old.relation(first) ?? first}" ${b} "${old.relation(second) ?? second}"`,
  ],
  [
    /^((?:missing|extra) data (?:for|after last expected) column) "([^"]+)"/g,
    (old, a, column = '') => `${a} "${old.column(column) ?? column}"`,
  ],
  [/^(Truncate table) "([^"]+)"/g, (old, a, name = '') => `${a} "${old.relation(name) ?? name}"`],
  [
    /^(permission denied for (?:table|view|sequence|relation|materialized view)|must be owner of (?:table|view|sequence|relation|materialized view)) (\S+)$/g,
    (old, a, name = '') => `${a} ${old.relation(name) ?? name}`,
  ],
  [/^(permission denied for (?:type|function)) (\S+)$/g, (old, a, name = '') => `${a} ${old.object(name) ?? name}`],
]

function mapPlaces(text: string, old: OldNames): string {
  return OWN_NAMES.test(text) ? text : mapTypes(mapNamed(text, old), old)
}

/** In one pass: of two names that were swapped an old one is a new one too. */
function mapNamed(text: string, old: OldNames): string {
  const found = PLACES.flatMap(([place, map]) =>
    [...text.matchAll(place)].map((match) => ({ start: match.index, end: match.index + match[0].length, match, map })),
  )
  let mapped = ''
  let from = 0
  // The sort is stable: of two places that begin together the first in the list counts.
  for (const { start, end, match, map } of found.sort((one, other) => one.start - other.start)) {
    if (start < from) continue
    mapped += text.slice(from, start) + map(old, ...match.slice(1).map((group) => group ?? ''))
    from = end
  }
  return mapped + text.slice(from)
}

/** A name that format_type prints: `mood`, `app.mood`, `"Mood"`. */
const PRINTED = String.raw`((?:"(?:[^"]|"")+"|[a-z_\u0080-\uffff][\w$\u0080-\uffff]*)(?:\.(?:"(?:[^"]|"")+"|[a-z_\u0080-\uffff][\w$\u0080-\uffff]*))?)`

const TYPES = new RegExp(String.raw`\b(types?|enum|domain|and|to) ${PRINTED}(?=[\s:,.[]|$)`, 'g')
const SIGNATURE = new RegExp(
  String.raw`^((?:function|procedure|aggregate) )${PRINTED}\(([^()]*)\) (does not exist|is not unique)`,
)
const OPERATOR = /^(operator (?:does not exist|is not unique): )(.*)$/

/** Data types and functions stand without quotes: only at the places where messages print them. */
function mapTypes(text: string, old: OldNames): string {
  const type = (printed: string): string => {
    const [, name = printed, array = ''] = /^(.*?)((?:\[\])*)$/.exec(printed) ?? []
    return (old.object(name) ?? name) + array
  }
  const operator = OPERATOR.exec(text)
  if (operator !== null) return `${operator[1]}${(operator[2] ?? '').split(' ').map(type).join(' ')}`
  const call = SIGNATURE.exec(text)
  if (call !== null) {
    const types = (call[3] ?? '').split(', ').map(type).join(', ')
    return text.replace(SIGNATURE, (_, kind: string, name: string, _types, what: string) => {
      return `${kind}${old.object(name) ?? name}(${types}) ${what}`
    })
  }
  if (!/\b(?:types?|enum|domain)\b/.test(text)) return text
  return text.replace(TYPES, (_, before: string, name: string) => `${before} ${old.object(name) ?? name}`)
}

/** `constraint orders_user_id_fkey on table orders depends on table users`, one line each. */
function mapDependencies(text: string, old: OldNames): string {
  if (!/depends on|cascades to/.test(text)) return text
  return text.replace(
    /\b((?:foreign )?table|(?:materialized )?view|sequence) ([\w$]+)\b(?!\.)/g,
    (_, kind: string, name: string) => `${kind} ${old.relation(name) ?? name}`,
  )
}

/**
 * `Key (full_name)=(x) already exists.`: the values are data. Left out where a column of the key has other values than
 * the old one: they would tell of what the client does not know.
 */
function mapKey(detail: string, start: string, old: OldNames): string | undefined {
  const [ends = ''] = /\) ?=\s?\(/.exec(detail) ?? []
  const close = ends === '' ? -1 : detail.indexOf(ends)
  if (close < 0) return detail
  const isReferenced = /referenced from table "[^"]+"\.$/.test(detail)
  const columns = mapList(detail.slice(start.length, close), old, isReferenced)
  const rest = mapKeyEnd(detail.slice(close), old)
  return columns === undefined || rest === undefined ? undefined : start + columns + rest
}

const KEY = 'Key ('
const PARTITION_KEY = 'Partition key of the failing row contains ('
const CONFLICT = ' conflicts with existing key ('

function mapKeyEnd(rest: string, old: OldNames): string | undefined {
  const conflict = rest.lastIndexOf(CONFLICT)
  const close = conflict < 0 ? -1 : rest.indexOf(')=(', conflict)
  if (close >= 0) {
    const columns = mapList(rest.slice(conflict + CONFLICT.length, close), old, false)
    return columns === undefined ? undefined : rest.slice(0, conflict) + CONFLICT + columns + rest.slice(close)
  }
  return rest.replace(/(present in|referenced from) table "([^"]+)"\.$/, (_, how: string, name: string) => {
    return `${how} table "${(how === 'present in' ? old.referenced(name) : old.relation(name)) ?? name}".`
  })
}

/** The columns and expressions of a key: `full_name, lower(mail)`. */
function mapList(list: string, old: OldNames, isReferenced: boolean): string | undefined {
  let foreign = false
  const mapped = list.replace(IDENTIFIER, (token, literal: string | undefined, cast: string | undefined, ...rest) => {
    const offset = rest.at(-2) as number
    if (literal !== undefined || cast !== undefined || list[offset + token.length] === '(') return token
    const name = token.startsWith('"') ? token.slice(1, -1).replaceAll('""', '"') : token
    const column = old.keyColumn(name, isReferenced)
    if (column === 'none') return token
    if (column === undefined || !column.same) foreign = true
    return column === undefined || column.name === name ? token : text(column.name)
  })
  return foreign ? undefined : mapped
}

/** A literal, a cast's type, or a name. */
const IDENTIFIER =
  /('(?:[^']|'')*')|(::(?:"(?:[^"]|"")+"|[\w$. \u0080-\uffff])+)|(?:"(?:[^"]|"")+"|[a-z_\u0080-\uffff][\w$\u0080-\uffff]*)/g

/** `COPY people, line 3, column full_name: "x"`, and nothing of what functions did. */
function mapContext(context: string, old: OldNames): string {
  return context.replace(
    /^COPY (.+?)(?=, line )(, line \d+)(?:(, column )(.+?)(?=: |$))?/m,
    (_, relation: string, line: string, a = '', column = '') =>
      `COPY ${old.relation(relation) ?? relation}${line}${a}${column === '' ? '' : (old.columnOf(relation, column) ?? column)}`,
  )
}

/** Names that the rewriter gives to columns that the older version lacks, and to those that its indexes serve. */
const HIDDEN = /\bhotswap (?:key )?\d/

/** Left out where it proposes what is hidden from the older version. */
function mapHint(hint: string, old: OldNames): string | undefined {
  let hidden = HIDDEN.test(hint)
  const mapped = hint.replace(/\b(the column) "([^"]*)\.([^".]+)"/g, (_, a: string, range: string, column: string) => {
    const name = old.shownColumn(column)
    if (name === undefined) hidden = true
    return `${a} "${old.shownRange(range)}.${name ?? column}"`
  })
  return hidden ? undefined : mapPlaces(mapped, old)
}

function text(name: string): string {
  const quoted = quoteIdentifier(name)
  return fromByteString(quoted) ?? quoted
}
