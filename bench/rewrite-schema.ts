import { type Catalog, type Column, makeCatalog, type NamedObject, type Relation } from '../src/catalog/catalog.js'
import type { Generation } from '../src/rewrite/generation.js'
import { planStep, type StepRules } from '../src/rewrite/plan-step.js'

const TYPES: Readonly<Record<string, number>> = { integer: 23, text: 25, numeric: 1700, bigint: 20 }

/** Columns as `name type`, in the order of their attnums. */
type Table = readonly [name: string, columns: readonly string[]]

const CUSTOMERS = ['id integer', 'name text', 'email text', 'created_at text', 'zip text']
const ORDERS = ['id integer', 'customer_id integer', 'state text', 'total numeric']

/** What an ordinary database holds besides: 60 tables of 12 columns, the system's relations, and some functions. */
const OTHERS: readonly Table[] = Array.from({ length: 60 }, (_, table) => [
  `table_${table}`,
  Array.from({ length: 12 }, (_, column) => `column_${column} text`),
])
const SYSTEM = Array.from({ length: 140 }, (_, table): Table => [`pg_relation_${table}`, ['oid integer']])
const FUNCTIONS = Array.from({ length: 150 }, (_, index): NamedObject => {
  return { oid: 50_000 + index, kind: 'function', schema: 'public', name: `function_${index}`, shape: ['25', '23 25'] }
})

function catalogOf(customers: Table, orders: Table): Catalog {
  const relations = [
    ...[customers, orders, ...OTHERS].map((table, index) => relationOf('public', table, 20_000 + index)),
    ...SYSTEM.map((table, index) => relationOf('pg_catalog', table, 1000 + index)),
  ]
  const schemas = ['pg_catalog', 'public']
  return makeCatalog({
    databaseOid: 5,
    serverVersion: 180000,
    schemas,
    relations,
    rowTypeFunctions: [],
    objects: FUNCTIONS,
  })
}

function relationOf(schema: string, [name, columns]: Table, oid: number): Relation {
  return {
    oid,
    schema,
    name,
    kind: 'table',
    rowTypeOid: oid + 100_000,
    columns: columns.map(columnOf),
    constraints: [],
    indexes: [],
    parents: [],
  }
}

function columnOf(text: string, index: number): Column {
  const [name = '', type = ''] = text.split(' ')
  return {
    name,
    attnum: index + 1,
    typeOid: TYPES[type] ?? 25,
    typmod: -1,
    type,
    collationOid: type === 'text' ? 100 : 0,
    notNull: false,
    hasDefault: false,
    identity: 'none',
    generated: 'none',
  }
}

function generationOf(catalogs: readonly Catalog[], rules: StepRules = new Map()): Generation {
  return {
    number: 1,
    versions: catalogs.map((catalog, index) => ({ name: `v${index}`, catalog })),
    steps: catalogs.slice(1).map((after, index) => {
      const { mapping, differences } = planStep(catalogs[index] ?? after, after, rules)
      if (differences.length > 0) throw new Error(JSON.stringify(differences))
      return { mapping }
    }),
  }
}

const FIRST = catalogOf(['customers', CUSTOMERS], ['orders', ORDERS])

/** A chain of renames: each step gives both tables and two of their columns another name. */
export function renames(steps: number): Generation {
  const later = Array.from({ length: steps }, (_, step) =>
    catalogOf(
      [`clients_${step}`, ['id integer', `label_${step} text`, 'email text', 'created_at text', 'zip text']],
      [`purchases_${step}`, ['id integer', `client_${step} integer`, 'state text', 'total numeric']],
    ),
  )
  return generationOf([FIRST, ...later])
}

/** A new column, which old INSERTs fill by a rule. */
export function added(): Generation {
  const after = catalogOf(['customers', [...CUSTOMERS, 'country text']], ['orders', ORDERS])
  const insert = [{ column: 'country', expression: "'DE'" }]
  return generationOf([FIRST, after], new Map([[20_000, { insert, columns: new Map() }]]))
}

/** zip was text and is an integer: each old value that is written to it is converted. */
export function retyped(): Generation {
  const columns = CUSTOMERS.map((column) => (column === 'zip text' ? 'zip integer' : column))
  const same = { relation: false, columns: new Set(['zip']) }
  const rules: StepRules = new Map([[20_000, { insert: [], columns: new Map(), same }]])
  return generationOf([FIRST, catalogOf(['customers', columns], ['orders', ORDERS])], rules)
}
