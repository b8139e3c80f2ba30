import { astVisitor, type Expr, parse, type QName, type SelectFromStatement, type Statement } from 'pgsql-ast-parser'

/** The names that a statement uses, each once and in order; tables as `schema.name`, or `name` where it is not qualified. */
export interface NamesUsed {
  readonly tables: readonly string[]
  readonly columns: readonly string[]
}

// Columns that every table has; our resolver knows that no migration renames them, and reports none.
const SYSTEM_COLUMNS: ReadonlySet<string> = new Set(['ctid', 'tableoid', 'xmin', 'xmax', 'cmin', 'cmax'])

/**
 * What pgsql-ast-parser makes of one statement, as its astVisitor reports it; undefined where it cannot parse it. The
 * visitor is told the scopes that its library does not have: names of CTEs, aliases of functions, output names. It is
 * also led to what it leaves out: OVER, TRUNCATE, and the columns of INSERT and SET. The columns of USING are left out,
 * for they follow the relations on both sides, and our resolver reports them as such.
 */
export function secondOpinion(sql: string): NamesUsed | undefined {
  const statements = parseOrNot(sql)
  if (statements === undefined) return undefined
  const tables = new Set<string>()
  const columns = new Set<string>()
  const functions = new Set<string>()
  // Objects that name the target of a DML statement, which is never a CTE.
  const targets = new Set<QName>()
  let ctes: ReadonlySet<string> = new Set()
  const useTable = (table: QName): void => {
    if (table.schema === undefined && ctes.has(table.name) && !targets.has(table)) return
    tables.add(table.schema === undefined ? table.name : `${table.schema}.${table.name}`)
  }
  const bind = (name: string): void => {
    ctes = new Set([...ctes, name])
  }
  const inScope = (visit: () => void): void => {
    const outer = ctes
    visit()
    ctes = outer
  }
  const visitor = astVisitor((map) => ({
    tableRef: useTable,
    ref: ({ name, table }) => {
      const ofFunction = table !== undefined && functions.has(table.name)
      if (name !== '*' && !SYSTEM_COLUMNS.has(name) && !ofFunction) columns.add(name)
    },
    call: (call) => {
      map.super().call(call)
      for (const by of call.over?.partitionBy ?? []) visitor.expr(by)
      for (const { by } of call.over?.orderBy ?? []) visitor.expr(by)
    },
    fromCall: (call) => {
      functions.add(call.alias?.name ?? call.function.name)
      map.super().fromCall(call)
      if (call.join) visitor.join(call.join)
    },
    insert: (insert) => {
      targets.add(insert.into)
      for (const { name } of insert.columns ?? []) columns.add(name)
      map.super().insert(insert)
    },
    update: (update) => {
      targets.add(update.table)
      map.super().update(update)
    },
    delete: (statement) => {
      targets.add(statement.from)
      map.super().delete(statement)
    },
    set: (set) => {
      columns.add(set.column.name)
      map.super().set(set)
    },
    truncateTable: (truncate) => {
      for (const table of truncate.tables) useTable(table)
    },
    // The view itself is made, not used, unless it is recursive; then its name is that of a CTE.
    createView: (view) => {
      inScope(() => {
        if (view.recursive) bind(view.name.name)
        visitor.select(view.query)
      })
    },
    createMaterializedView: (view) => {
      visitor.select(view.query)
    },
    with: (statement) => {
      inScope(() => {
        for (const binding of statement.bind) {
          visitor.statement(binding.statement)
          bind(binding.alias.name)
        }
        visitor.statement(statement.in)
      })
    },
    withRecursive: (statement) => {
      inScope(() => {
        bind(statement.alias.name)
        visitor.union(statement.bind)
        visitor.statement(statement.in)
      })
    },
    selection: (select) => {
      const orderBy = (select.orderBy ?? []).filter(({ by }) => !isOutputName(select, by))
      map.super().selection({ ...select, orderBy })
    },
  }))
  for (const statement of statements) visitor.statement(statement)
  return { tables: [...tables].sort(), columns: [...columns].sort() }
}

function parseOrNot(sql: string): Statement[] | undefined {
  try {
    return parse(sql)
  } catch {
    return undefined
  }
}

/** A whole bare name in ORDER BY is an output name first, and so no column (parse_clause.c, findTargetlistEntrySQL92). */
function isOutputName(select: SelectFromStatement, by: Expr): boolean {
  if (by.type !== 'ref' || by.table !== undefined) return false
  return (select.columns ?? []).some((column) => column.alias?.name === by.name)
}
