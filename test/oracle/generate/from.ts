import { generateCondition } from './expression.js'
import { type Column, spell, type Table } from './model.js'
import { generateQuery } from './query.js'
import { type Build, deeper, type Level, type Range, type Scope } from './scope.js'

/** A FROM clause, what it shows, and the names that FOR UPDATE may lock. */
export interface From {
  readonly sql: string
  readonly level: Level
  /** The part behind the last comma, where there is one; its columns are the last of `level`. */
  readonly tree?: Level
  readonly lockable: readonly string[]
}

const aliases = ['a', 'b', 'c', 'users', 'items', 'name', 'U', 'ü'] as const

export function generateFrom(build: Build, outer: Scope): From {
  const { choices } = build
  let from = generateItem(build, outer, [])
  const more = choices.below(10)
  for (let count = more < 5 ? 0 : more < 9 ? 1 : 2; count > 0; count -= 1) from = join(build, outer, from)
  return from
}

function join(build: Build, outer: Scope, left: From, commas = true): From {
  const { choices } = build
  const lateral = build.depth > 0 && choices.chance(10)
  const right = lateral
    ? lateralItem(build, [left.level, ...outer], left.level.ranges)
    : generateItem(build, outer, left.level.ranges)
  const kind = choices.below(8)
  if (kind === 4 && commas) {
    return {
      sql: `${left.sql}, ${right.sql}`,
      level: sideBySide(left.level, right.level),
      tree: right.level,
      lockable: [...left.lockable, ...right.lockable],
    }
  }
  const tree = left.tree ?? left.level
  // JOIN binds tighter than a comma: ON and USING see the last item of the list only.
  const joined = (sql: string, visible: readonly Column[], lockable: readonly string[]): From => {
    const own = { ranges: [...tree.ranges, ...right.level.ranges], visible }
    const before = left.level.visible.slice(0, left.level.visible.length - tree.visible.length)
    const level = { ranges: [...left.level.ranges, ...right.level.ranges], visible: [...before, ...visible] }
    return { sql: `${left.sql} ${sql}`, level, tree: own, lockable }
  }
  const both = sideBySide(tree, right.level)
  const all = [...left.lockable, ...right.lockable]
  const on = () => `ON ${generateCondition(build, [both, ...outer], 1)}`
  const merged = lateral ? undefined : mergedColumns(build, tree, right.level)
  switch (kind) {
    case 2:
      // Rows that lack a side cannot be locked.
      return joined(`LEFT JOIN ${right.sql} ${on()}`, both.visible, left.lockable)
    case 3:
    case 4:
      return joined(`CROSS JOIN ${right.sql}`, both.visible, all)
    case 5:
    case 6: {
      if (merged === undefined) break
      const how = choices.pick(['JOIN', 'LEFT JOIN', 'RIGHT JOIN', 'FULL JOIN'])
      const using = merged.names.map((name) => spell(choices, name)).join(', ')
      return joined(`${how} ${right.sql} USING (${using})`, merged.visible(merged.names), how === 'JOIN' ? all : [])
    }
    case 7: {
      if (merged?.natural === undefined) break
      const how = choices.pick(['JOIN', 'LEFT JOIN'])
      return joined(`NATURAL ${how} ${right.sql}`, merged.visible(merged.natural), [])
    }
  }
  return joined(`JOIN ${right.sql} ${on()}`, both.visible, all)
}

function sideBySide(left: Level, right: Level): Level {
  return { ranges: [...left.ranges, ...right.ranges], visible: [...left.visible, ...right.visible] }
}

/** Columns that both sides have once: some of them for USING, all of them (of equal types) for NATURAL. */
function mergedColumns(build: Build, left: Level, right: Level) {
  const count = (level: Level, name: string) => level.visible.filter((column) => column.name === name).length
  const shared = left.visible.filter((column) => right.visible.some((other) => other.name === column.name))
  const alike = shared.filter(
    (column) =>
      count(left, column.name) === 1 &&
      count(right, column.name) === 1 &&
      right.visible.some((other) => other.name === column.name && other.type === column.type),
  )
  const [first, ...rest] = alike
  if (first === undefined) return undefined
  return {
    names: [first, ...build.choices.some(rest, 40)].map((column) => column.name),
    natural: alike.length === shared.length ? alike.map((column) => column.name) : undefined,
    visible(names: readonly string[]): Column[] {
      const others = (level: Level) => level.visible.filter((column) => !names.includes(column.name))
      const own = names.flatMap((name) => left.visible.filter((column) => column.name === name))
      return [...own, ...others(left), ...others(right)]
    },
  }
}

function generateItem(build: Build, outer: Scope, beside: readonly Range[]): From {
  const { choices } = build
  if (build.depth > 0) {
    switch (choices.below(20)) {
      case 17:
        return derived(build, outer, beside, '')
      case 18:
        return values(build, beside)
      case 19:
        return joinWithAlias(build, outer, beside)
    }
  }
  const cte = choices.chance(40) ? choices.pickAny(build.ctes) : undefined
  return cte === undefined ? tableItem(build, beside) : cteItem(build, cte, beside)
}

export function tableItem(build: Build, beside: readonly Range[], table = choose(build)): From {
  const { choices } = build
  const hidden = table.schema !== build.schemas.main || build.ctes.some((cte) => cte.name === table.name)
  const qualified = hidden || choices.chance(15)
  const spelt = `${qualified ? `${table.schema}.` : ''}${spell(choices, table.name)}`
  const only = choices.chance(3) ? 'ONLY ' : ''
  const sample = choices.chance(2) ? ' TABLESAMPLE BERNOULLI (100) REPEATABLE (1)' : ''
  // Two unaliased tables of one name may stand together only when their schemas differ.
  const clash = beside.some(
    (range) => range.name === table.name && (range.schema === undefined || range.schema === table.schema),
  )
  if (!clash && !choices.chance(50)) {
    const range = { name: table.name, schema: table.schema, columns: table.columns, table }
    const alone = !beside.some((other) => other.name === table.name)
    return {
      sql: only + spelt + sample,
      level: { ranges: [range], visible: table.columns },
      lockable: alone ? [table.name] : [],
    }
  }
  const alias = freeAlias(build, beside)
  const listed = choices.chance(10) ? renamed(build, table.columns) : undefined
  const list = listed === undefined ? '' : ` (${listed.names.join(', ')})`
  const columns = listed?.columns ?? table.columns
  const as = choices.pick([' ', ' AS '])
  // With a column list the field names of its whole row are no longer the table's.
  const range = listed === undefined ? { name: alias, columns, table } : { name: alias, columns }
  return {
    sql: `${only}${spelt}${as}${spell(choices, alias)}${list}${sample}`,
    level: { ranges: [range], visible: columns },
    lockable: [alias],
  }
}

function choose(build: Build): Table {
  return build.choices.pickAny(build.tables) as Table
}

function cteItem(
  build: Build,
  cte: { readonly name: string; readonly columns: readonly Column[] },
  beside: readonly Range[],
): From {
  const { choices } = build
  const named = !beside.some((range) => range.name === cte.name) && !choices.chance(50)
  const alias = named ? cte.name : freeAlias(build, beside)
  return {
    sql: `${spell(choices, cte.name)}${named ? '' : ` ${spell(choices, alias)}`}`,
    level: { ranges: [{ name: alias, columns: cte.columns }], visible: cte.columns },
    lockable: [],
  }
}

function derived(build: Build, scope: Scope, beside: readonly Range[], prefix: string): From {
  const query = generateQuery(deeper(build), scope, {})
  const alias = freeAlias(build, beside)
  const listed = build.choices.chance(20) ? renamed(build, query.columns) : undefined
  const list = listed === undefined ? '' : ` (${listed.names.join(', ')})`
  const columns = listed?.columns ?? query.columns
  return {
    sql: `${prefix}(${query.sql}) AS ${spell(build.choices, alias)}${list}`,
    level: { ranges: [{ name: alias, columns }], visible: columns },
    lockable: [],
  }
}

function lateralItem(build: Build, scope: Scope, beside: readonly Range[]): From {
  return derived(build, scope, beside, 'LATERAL ')
}

function values(build: Build, beside: readonly Range[]): From {
  const alias = freeAlias(build, beside)
  const columns: Column[] = [
    { name: 'id', type: 'int' },
    { name: 'name', type: 'text' },
  ]
  return {
    sql: `(VALUES (1, 'a'), (2, 'b')) AS ${spell(build.choices, alias)} (id, name)`,
    level: { ranges: [{ name: alias, columns }], visible: columns },
    lockable: [],
  }
}

/** `(a JOIN b ...) AS j` hides a and b. */
function joinWithAlias(build: Build, outer: Scope, beside: readonly Range[]): From {
  const first = tableItem(build, [])
  const inner = join({ ...build, depth: 0 }, outer, first, false)
  const alias = freeAlias(build, beside)
  return {
    sql: `(${inner.sql}) AS ${spell(build.choices, alias)}`,
    level: { ranges: [{ name: alias, columns: inner.level.visible }], visible: inner.level.visible },
    lockable: [],
  }
}

/** A list of new names for the first columns. */
function renamed(build: Build, columns: readonly Column[]) {
  const names = columns
    .slice(0, 1 + build.choices.below(2))
    .map((_, index) => `${build.choices.pick(['c', 'name', 'x'])}${index}`)
  return {
    names,
    columns: columns.map((column, index) => ({ ...column, name: names[index] ?? column.name })),
  }
}

export function freeAlias(build: Build, beside: readonly Range[]): string {
  const free = aliases.filter((alias) => !beside.some((range) => range.name === alias))
  return build.choices.pickAny(free) ?? `a${beside.length}`
}
