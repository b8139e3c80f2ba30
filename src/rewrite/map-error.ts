import type { RelationMapping } from './mapping.js'
import type { ErrorFields, Outcome } from './outcome.js'
import type { StepFacts } from './plan-context.js'

/** How names of a step's newer version are called in its older one. */
export interface NamesBack {
  /** By `schema.name` of the newer version. */
  readonly relations: ReadonlyMap<string, RelationMapping>
  /** By bare name of the newer version; of two relations of one name the one that kept its schema's order. */
  readonly byName: ReadonlyMap<string, RelationMapping>
  /** Constraint and index names. */
  readonly constraints: ReadonlyMap<string, string>
  /** Columns of all changed relations, where one old name is certain. */
  readonly columns: ReadonlyMap<string, string>
}

/** Prepares the way back over one step, once a generation. */
export function namesBack(step: StepFacts): NamesBack {
  const relations = new Map<string, RelationMapping>()
  const byName = new Map<string, RelationMapping>()
  const constraints = new Map<string, string>()
  const columns = new Map<string, string | undefined>()
  for (const change of step.mapping.relations.values()) {
    relations.set(`${change.after.schema}.${change.after.name}`, change)
    byName.set(change.after.name, change)
    addRenamed(constraints, change.before.constraints, change.after.constraints)
    addRenamed(constraints, change.before.indexes, change.after.indexes)
    for (const [old, { name }] of change.columns) {
      if (name !== old) columns.set(name, columns.has(name) && columns.get(name) !== old ? undefined : old)
    }
  }
  const certain = [...columns].filter((entry): entry is [string, string] => entry[1] !== undefined)
  return { relations, byName, constraints, columns: new Map(certain) }
}

interface Named {
  readonly oid: number
  readonly name: string
}

function addRenamed(names: Map<string, string>, before: readonly Named[], after: readonly Named[]): void {
  for (const { oid, name } of after) {
    const old = before.find((candidate) => candidate.oid === oid)
    if (old !== undefined && old.name !== name) names.set(name, old.name)
  }
}

/**
 * The fields of an ErrorResponse or NoticeResponse as an older version knows them: position, schema, table, column and
 * constraint names, and the names in message, detail and hint. `steps` lead from that version to the head.
 */
export function mapErrorBack(
  fields: ErrorFields,
  steps: readonly NamesBack[],
  outcome: Outcome | undefined,
): ErrorFields {
  let mapped = fields
  for (const step of [...steps].reverse()) mapped = mapNames(mapped, step)
  const position = Number(mapped.get('P'))
  if (outcome === undefined || outcome.kind === 'unchanged' || !(position > 0)) return mapped
  return new Map(mapped).set('P', String(outcome.oldPosition(position)))
}

function mapNames(fields: ErrorFields, names: NamesBack): ErrorFields {
  const table = fields.get('t')
  const message = fields.get('M') ?? ''
  const named = table ?? /(?:relation|table) "([^"]+)"/.exec(message)?.[1]
  const schema = fields.get('s')
  const change =
    named === undefined
      ? undefined
      : schema === undefined
        ? names.byName.get(named)
        : names.relations.get(`${schema}.${named}`)
  const column = (name: string): string => oldColumn(change, names, name, named !== undefined)
  const mapped = new Map(fields)
  const replace = (code: string, map: (text: string) => string) => {
    const text = fields.get(code)
    if (text !== undefined) mapped.set(code, map(text))
  }
  replace('c', column)
  replace('n', (name) => names.constraints.get(name) ?? name)
  if (change !== undefined && table !== undefined) {
    mapped.set('t', change.before.name)
    if (schema !== undefined) mapped.set('s', change.before.schema)
  }
  const text = (source: string) => mapQuoted(source, names, column)
  replace('M', text)
  replace('H', text)
  // The values in a detail are data: only the names at its known places are mapped.
  replace('D', (detail) =>
    detail
      .replace(/^Key \(([^)]*)\)/, (_, list: string) => `Key (${list.split(', ').map(column).join(', ')})`)
      .replace(
        /(table|relation) "([^"]+)"\.$/,
        (_, what: string, name: string) => `${what} "${oldRelation(names, name)}".`,
      ),
  )
  return mapped
}

function oldColumn(change: RelationMapping | undefined, names: NamesBack, name: string, tableNamed: boolean): string {
  if (change === undefined) return tableNamed ? name : (names.columns.get(name) ?? name)
  for (const [old, column] of change.columns) if (column.name === name) return old
  return name
}

function oldRelation(names: NamesBack, name: string): string {
  return names.byName.get(name)?.before.name ?? name
}

/** PostgreSQL quotes names after the word that says what they are: relation "people", column "full_name". */
function mapQuoted(text: string, names: NamesBack, column: (name: string) => string): string {
  return text.replace(
    /\b(relation|table|view|sequence|column|constraint|index|column reference) "([^"]+)"/g,
    (_, what: string, name: string) => `${what} "${mapName(what, name, names, column)}"`,
  )
}

function mapName(what: string, name: string, names: NamesBack, column: (name: string) => string): string {
  switch (what) {
    case 'constraint':
    case 'index':
      return names.constraints.get(name) ?? name
    case 'column':
    case 'column reference': {
      const dot = name.lastIndexOf('.')
      return dot < 0 ? column(name) : `${name.slice(0, dot)}.${column(name.slice(dot + 1))}`
    }
    default:
      return oldRelation(names, name)
  }
}
