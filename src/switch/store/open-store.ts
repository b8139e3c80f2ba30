import pg from 'pg'
import { readFingerprint } from '../../catalog/fingerprint.js'
import { introspect, type TextQuery } from '../../catalog/introspect.js'
import { serverErrorOf } from '../server-error.js'
import { DROP_STORE } from './drop-store.js'
import { asciiLiteral } from './sql-literal.js'
import { createStore, type Store } from './store.js'
import { encodeCatalog } from './store-json.js'
import { UPGRADES } from './upgrades.js'

export interface OpenStoreOptions {
  /** The control connection; nobody else uses it meanwhile. */
  readonly query: TextQuery
  /** What is pinned as the default where the store is made. */
  readonly defaultVersion: string
  /** Forgets what a store that is there knows. */
  readonly anew?: boolean
}

export type OpenedStore =
  | { readonly kind: 'open'; readonly store: Store; readonly created: boolean }
  /** There is none, and the role may not make one. */
  | { readonly kind: 'none'; readonly message: string; readonly details: readonly string[] }
  /** There is one that this proxy must not, or cannot, use. */
  | { readonly kind: 'refused'; readonly message: string; readonly details: readonly string[] }

/** Any number that is the same in all releases; proxies that start at once make one store. */
const STORE_LOCK = 4_870_912_273_841

/** Opens the version store; makes it, or what a newer release added to it, where it is missing. */
export async function openStore({ query, defaultVersion, anew }: OpenStoreOptions): Promise<OpenedStore> {
  const system = await introspect(query)
  const inTransaction = async (): Promise<OpenedStore> => {
    await query(`SELECT pg_catalog.pg_advisory_xact_lock(${STORE_LOCK})`)
    const found = await readFacts(query)
    const dropped = anew === true && found.exists
    const error = dropped ? await runAll(query, [DROP_STORE]) : undefined
    if (error !== undefined) return { kind: 'refused', ...ownersOnly(found, error) }
    const facts = { ...found, exists: found.exists && !dropped }
    const store = createStore(query, system)
    if (!facts.exists) {
      const refusal = await makeStore(query, facts)
      if (refusal !== undefined) return { kind: 'none', ...refusal }
      await beginState(query, facts, defaultVersion)
      return { kind: 'open', store, created: true }
    }
    const refusal = (await checkStore(query, facts)) ?? (await upgradeStore(query, facts))
    return refusal === undefined ? { kind: 'open', store, created: false } : { kind: 'refused', ...refusal }
  }
  await query('BEGIN')
  try {
    const opened = await inTransaction()
    await query(opened.kind === 'open' ? 'COMMIT' : 'ROLLBACK')
    return opened
  } catch (error) {
    await query('ROLLBACK').catch(() => undefined)
    throw error
  }
}

interface Facts {
  readonly role: string
  readonly database: string
  readonly databaseOid: string
  readonly systemIdentifier: string
  /** Whether the schema is there, as it may be for types alone. */
  readonly hasSchema: boolean
  readonly exists: boolean
  /** The owner of the store's tables. */
  readonly owner: string
  /** Whether the role may use what is there. */
  readonly mayUse: boolean
}

async function readFacts(query: TextQuery): Promise<Facts> {
  const [row] = await query(
    `SELECT current_user, d.datname, d.oid, c.system_identifier, n.oid IS NOT NULL, t.oid IS NOT NULL,
       pg_catalog.pg_get_userbyid(t.relowner)
     FROM pg_catalog.pg_database d CROSS JOIN pg_catalog.pg_control_system() c
     LEFT JOIN pg_catalog.pg_namespace n ON n.nspname = 'hotswap'
     LEFT JOIN pg_catalog.pg_class t ON t.relnamespace = n.oid AND t.relname = 'upgrade' AND t.relkind = 'r'
     WHERE d.datname = pg_catalog.current_database()`,
  )
  const [role, database, databaseOid, systemIdentifier, hasSchema, exists, owner] = row ?? []
  return {
    role: role ?? '',
    database: database ?? '',
    databaseOid: databaseOid ?? '',
    systemIdentifier: systemIdentifier ?? '',
    hasSchema: hasSchema === 't',
    exists: exists === 't',
    owner: owner ?? '',
    mayUse: exists === 't' && (await mayUse(query)),
  }
}

async function mayUse(query: TextQuery): Promise<boolean> {
  const [row] = await query(
    `SELECT pg_catalog.bool_and(pg_catalog.has_table_privilege(c.oid, 'SELECT')
       AND pg_catalog.has_table_privilege(c.oid, 'INSERT')
       AND pg_catalog.has_table_privilege(c.oid, 'UPDATE') AND pg_catalog.has_table_privilege(c.oid, 'DELETE'))
       AND pg_catalog.has_schema_privilege(n.oid, 'USAGE')
       AND (SELECT pg_catalog.bool_and(pg_catalog.has_function_privilege(p.oid, 'EXECUTE'))
            FROM pg_catalog.pg_proc p WHERE p.pronamespace = n.oid)
     FROM pg_catalog.pg_namespace n JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relkind = 'r'
     WHERE n.nspname = 'hotswap' GROUP BY n.oid`,
  )
  return row?.[0] === 't'
}

interface Refusal {
  readonly message: string
  readonly details: readonly string[]
}

/** Makes the schema and its tables; why not, where the role may not. */
async function makeStore(query: TextQuery, facts: Facts): Promise<Refusal | undefined> {
  const statements = [
    ...(facts.hasSchema ? [] : ['CREATE SCHEMA hotswap']),
    `CREATE TABLE hotswap.upgrade (
       number integer PRIMARY KEY,
       done_by name NOT NULL DEFAULT session_user,
       done_at timestamptz NOT NULL DEFAULT pg_catalog.now()
     )`,
    ...upgradesFrom(0),
  ]
  const error = await runAll(query, statements)
  if (error === undefined) return undefined
  const { role, database } = facts
  return {
    message: `there is no version store in database "${database}", and role "${role}" may not make one: ${error}`,
    details: [
      `Let an owner of the database do this once: ${missingRights(facts)}`,
      `Or let such a role make it: pg-hotswap init --control URL --role ${role}`,
      'Or do without (store: false): then the rule files alone say which versions there are.',
    ],
  }
}

function missingRights({ role, hasSchema }: Facts): string {
  const name = pg.escapeIdentifier(role)
  if (hasSchema) return `GRANT USAGE, CREATE ON SCHEMA hotswap TO ${name}; GRANT USAGE ON SCHEMA hotswap TO PUBLIC;`
  return `CREATE SCHEMA hotswap AUTHORIZATION ${name};`
}

/** The rights that the role of a control connection needs where another role made the store. */
export function storeGrants(role: string): readonly string[] {
  const name = pg.escapeIdentifier(role)
  return [
    `GRANT USAGE ON SCHEMA hotswap TO ${name}`,
    `GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA hotswap TO ${name}`,
    `GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA hotswap TO ${name}`,
  ]
}

async function beginState(query: TextQuery, facts: Facts, defaultVersion: string): Promise<void> {
  // In this order: what changes in between is seen as a change later.
  const fingerprint = await readFingerprint(query)
  const head = await encodeCatalog(await introspect(query))
  const values = [facts.systemIdentifier, facts.databaseOid, head, fingerprint, defaultVersion].map(asciiLiteral)
  const [system, database, ...rest] = values
  await query(
    `INSERT INTO hotswap.state (system_identifier, database_oid, head, fingerprint, default_version)
     VALUES (${system}, ${database}::oid, ${rest.join(', ')})`,
  )
}

function ownersOnly({ role, owner }: Facts, error: string): Refusal {
  return {
    message: `role "${role}" may not take the version store away: ${error}`,
    details: [`Let ${owner} or a superuser do it: pg-hotswap init --anew --control URL --role ${role}`],
  }
}

/** Why the store that is there cannot be used. */
async function checkStore(query: TextQuery, facts: Facts): Promise<Refusal | undefined> {
  const { role, owner } = facts
  if (!facts.mayUse) {
    return {
      message: `role "${role}" may not use the version store of this database`,
      details: [
        `Let ${owner} or a superuser do this: ${storeGrants(role).join('; ')};`,
        'Or do without (store: false): then clients of older versions that only the store knows find no version of theirs.',
      ],
    }
  }
  const release = await readRelease(query)
  if (release > UPGRADES.length) {
    return {
      message: `the version store was made by a newer release of pg-hotswap (its layout is ${release}, this release knows ${UPGRADES.length})`,
      details: ['Run that release, or a newer one, here too. Nothing was changed.'],
    }
  }
  const [state] = await query('SELECT s.system_identifier, s.database_oid FROM hotswap.state s')
  const [system, database] = state ?? []
  if (system === facts.systemIdentifier && database === facts.databaseOid) return undefined
  return {
    message: 'the version store is of another database: this one was restored from a dump, copied or upgraded',
    details: [
      'What the store knows of older versions names objects by oids that the other database gave them.',
      'Where no client speaks an older version any more, begin anew with the schema as it is: pg-hotswap init --anew',
      'Else put the steps into rule files first (migrate --save), and begin anew with them.',
    ],
  }
}

async function readRelease(query: TextQuery): Promise<number> {
  return Number((await query('SELECT COALESCE(pg_catalog.max(u.number), 0) FROM hotswap.upgrade u'))[0]?.[0])
}

/** Adds what a newer release wants; why not, where the role may not. */
async function upgradeStore(query: TextQuery, { role, owner }: Facts): Promise<Refusal | undefined> {
  const statements = upgradesFrom(await readRelease(query))
  const error = statements.length === 0 ? undefined : await runAll(query, statements)
  if (error === undefined) return undefined
  return {
    message: `the version store is of an older release, and role "${role}" may not change it: ${error}`,
    details: [`Let ${owner} or a superuser do it once: pg-hotswap init --control URL --role ${role}`],
  }
}

function upgradesFrom(release: number): readonly string[] {
  return UPGRADES.slice(release).flatMap((statements, index) => [
    ...statements,
    `INSERT INTO hotswap.upgrade (number) VALUES (${release + index + 1})`,
  ])
}

/** Runs statements; the server's message where the role lacks a right. */
export async function runAll(query: TextQuery, statements: readonly string[]): Promise<string | undefined> {
  try {
    for (const statement of statements) await query(statement)
    return undefined
  } catch (error) {
    const known = serverErrorOf(error)
    if (known?.sqlstate === '42501') return known.message
    throw error
  }
}
