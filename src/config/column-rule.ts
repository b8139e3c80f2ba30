import type { Problem } from './problem.js'
import type { ColumnRule, Placed, WriteRule } from './rule-file.js'
import type { ColumnRuleInput } from './rule-schema.js'
import type { YamlSource } from './yaml-source.js'

/**
 * What a rule file says of one old column, with the places of its parts. Contradictions that need no database are added
 * to `problems`.
 */
export function placeColumn(
  from: string,
  column: ColumnRuleInput,
  source: YamlSource,
  path: readonly PropertyKey[],
  problems: Problem[],
): ColumnRule {
  const key = { value: from, place: source.placeOfKey(path) }
  if (typeof column === 'string') {
    return { from: key, to: { value: column, place: source.placeOf(path) }, computed: undefined }
  }
  const at = <T>(name: string, value: T): Placed<T> => ({ value, place: source.placeOf([...path, name]) })
  const place = source.placeOf(path)
  for (const message of contradictions(column)) problems.push({ place, message })

  const isOne = column.dropped === undefined && column.read_only === undefined && !isMapping(column.write)
  const implied = isOne ? { value: from, place: key.place } : undefined
  const to = column.to === undefined ? implied : at('to', column.to)
  const isPlain = Object.keys(column).every((name) => name === 'to')
  if (isPlain) return { from: key, to, computed: undefined }
  return {
    from: key,
    to,
    computed: {
      place,
      type: column.type === undefined ? undefined : at('type', column.type),
      read: column.read === undefined ? undefined : at('read', String(column.read)),
      writes: placeWrites(column, to, source, path),
      dropped: column.dropped ?? false,
      writable: column.read_only === undefined,
      declared: {
        injective: column.injective ?? false,
        total: column.total ?? false,
        monotone: column.monotone ?? false,
      },
    },
  }
}

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

/** What is wrong with a column's rule whatever the database is. */
function contradictions(column: Mapping): string[] {
  const { dropped, read_only, read, write, to } = column
  if (Object.keys(column).length === 0) return ['expected what became of the column, e.g. { to: name }']
  const name = dropped === true ? 'dropped' : 'read_only'
  if (dropped === true || read_only === true) {
    if (dropped === true && read_only === true) return ['"dropped" and "read_only" exclude each other']
    if (write !== undefined) return [`"${name}" and "write" exclude each other`]
    if (to !== undefined) return [`"${name}" and "to" exclude each other`]
    return read === undefined ? [`"${name}" needs "read": what old statements read, e.g. "NULL"`] : []
  }
  if (read !== undefined && write === undefined) {
    return [
      '"read" needs "write": what old statements write, over "value"; or dropped: true, where it is discarded, or read_only: true',
    ]
  }
  if (write !== undefined && read === undefined) return ['"write" needs "read": what old statements read']
  if (isMapping(write) && to !== undefined && !Object.hasOwn(write, to)) return [`"write" does not write "${to}"`]
  return []
}

function isMapping(write: Mapping['write']): write is Record<string, string | number | boolean> {
  return typeof write === 'object'
}
