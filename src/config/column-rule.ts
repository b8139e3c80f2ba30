import { suggestName } from './nearest-name.js'
import type { Problem } from './problem.js'
import type { ColumnRule, Outside, Placed, ValueMap, WriteRule } from './rule-file.js'
import type { ColumnRuleInput } from './rule-schema.js'
import type { YamlSource } from './yaml-source.js'

/**
 * What a rule file says of one old column, with the places of its parts. Contradictions that need no database are added
 * to `problems`. Where the table has a `write`, a column that is only read is one of those that it is made of.
 */
export function placeColumn(
  from: string,
  column: ColumnRuleInput,
  source: YamlSource,
  path: readonly PropertyKey[],
  problems: Problem[],
  hasMerged = false,
): ColumnRule {
  const key = { value: from, place: source.placeOfKey(path) }
  if (typeof column === 'string') {
    const to = { value: column, place: source.placeOf(path) }
    return { from: key, to, computed: undefined, default: undefined, sameMeaning: false }
  }
  const at = <T>(name: string, value: T): Placed<T> => ({ value, place: source.placeOf([...path, name]) })
  const place = source.placeOf(path)
  const { read, write, dropped, read_only } = column
  const merged = hasMerged && read !== undefined && write === undefined && !dropped && !read_only
  for (const message of contradictions(column, merged)) problems.push({ place, message })

  const isOne = !merged && column.dropped === undefined && column.read_only === undefined && !isMapping(column.write)
  const implied = isOne ? { value: from, place: key.place } : undefined
  const to = column.to === undefined ? implied : at('to', column.to)
  const rest = {
    default: column.default === undefined ? undefined : at('default', String(column.default)),
    sameMeaning: column.same_meaning ?? false,
  }
  if (Object.keys(column).every((name) => PLAIN_KEYS.has(name))) return { from: key, to, computed: undefined, ...rest }
  return {
    from: key,
    to,
    ...rest,
    computed: {
      place,
      type: column.type === undefined ? undefined : at('type', column.type),
      values: placeValues(column, source, path, problems),
      timeZone: column.time_zone === undefined ? undefined : at('time_zone', column.time_zone),
      read: column.read === undefined ? undefined : at('read', String(column.read)),
      writes: placeWrites(column, to, source, path),
      dropped: column.dropped ?? false,
      merged,
      writable: column.read_only === undefined,
      declared: {
        injective: column.injective ?? false,
        total: column.total ?? false,
        monotone: column.monotone ?? false,
      },
    },
  }
}

/** Keys that leave a column what it was, under its new name. */
const PLAIN_KEYS: ReadonlySet<string> = new Set(['to', 'default', 'same_meaning'])

type Mapping = Exclude<ColumnRuleInput, string>

function placeWrites(
  { write }: Mapping,
  to: Placed<string> | undefined,
  source: YamlSource,
  path: readonly PropertyKey[],
): readonly WriteRule[] | undefined {
  if (write === undefined) return undefined
  if (!isMapping(write)) {
    const expression = { value: String(write), place: source.placeOf([...path, 'write']) }
    return to === undefined ? undefined : [{ column: to, expression }]
  }
  return Object.entries(write).map(([column, expression]) => ({
    column: { value: column, place: source.placeOfKey([...path, 'write', column]) },
    expression: { value: String(expression), place: source.placeOf([...path, 'write', column]) },
  }))
}

function bothWays(outside: Outside): ValueMap['outside'] {
  return { read: outside, write: outside }
}

function placeValues(
  { values, outside }: Mapping,
  source: YamlSource,
  path: readonly PropertyKey[],
  problems: Problem[],
): ValueMap | undefined {
  if (values === undefined) return undefined
  const parse = (value: string | number | boolean | null | undefined, at: readonly PropertyKey[]): Outside => {
    if (value === undefined || value === 'error') return { kind: 'error' }
    if (value === null || value === 'null') return { kind: 'null' }
    const old = String(value)
    if (!Object.hasOwn(values, old)) {
      problems.push({
        place: source.placeOf([...path, ...at]),
        message: `expected error, null, or an old value that "values" has, got "${old}"${suggestName(old, Object.keys(values))}`,
      })
    }
    return { kind: 'value', old }
  }
  const isBoth = outside === null || typeof outside !== 'object'
  return {
    place: source.placeOf([...path, 'values']),
    pairs: Object.entries(values).map(([old, value]) => ({
      old: { value: old, place: source.placeOfKey([...path, 'values', old]) },
      new: { value: String(value), place: source.placeOf([...path, 'values', old]) },
    })),
    outside: isBoth
      ? bothWays(parse(outside, ['outside']))
      : { read: parse(outside.read, ['outside', 'read']), write: parse(outside.write, ['outside', 'write']) },
  }
}

/** What is wrong with a column's rule whatever the database is. */
function contradictions(column: Mapping, merged: boolean): string[] {
  const { dropped, read_only, read, write, to } = column
  if (Object.keys(column).length === 0) return ['expected what became of the column, e.g. { to: name }']
  const name = dropped === true ? 'dropped' : 'read_only'
  if (dropped === true || read_only === true) {
    if (dropped === true && read_only === true) return ['"dropped" and "read_only" exclude each other']
    const other = (['write', 'to', 'values', 'time_zone'] as const).find((key) => column[key] !== undefined)
    if (other !== undefined) return [`"${name}" and "${other}" exclude each other`]
    return read === undefined ? [`"${name}" needs "read": what old statements read, e.g. "NULL"`] : []
  }
  const ways = (['read', 'values', 'time_zone'] as const).filter((key) => column[key] !== undefined)
  if (ways.length > 1) return [`"${ways[0]}" and "${ways[1]}" exclude each other`]
  if (column.outside !== undefined && column.values === undefined) return ['"outside" needs "values"']
  if (write !== undefined && ways[0] !== 'read') return ['"write" needs "read": what old statements read']
  if (merged) {
    return to === undefined ? [] : ['"to" needs "write"; where the "write" of the table uses the column, leave it out']
  }
  if (read !== undefined && write === undefined) {
    return [
      '"read" needs "write": what old statements write, over "value"; or dropped: true, where it is discarded, or read_only: true; where several columns became one, the table has the "write"',
    ]
  }
  if (isMapping(write) && to !== undefined && !Object.hasOwn(write, to)) return [`"write" does not write "${to}"`]
  return []
}

function isMapping(write: Mapping['write']): write is Record<string, string | number | boolean> {
  return typeof write === 'object'
}
