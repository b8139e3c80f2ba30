import { randomBytes } from 'node:crypto'
import pg from 'pg'
import { inject } from 'vitest'

/** A database of one test file on the shared server. */
export interface TestDatabase {
  readonly name: string
  readonly host: string
  readonly port: number
  readonly url: string
  /** Runs SQL on a connection of its own, straight to the server. */
  run(sql: string): Promise<void>
  drop(): Promise<void>
}

export function serverUrl(database: string): string {
  return `postgres://postgres:postgres@127.0.0.1:${inject('postgresPort')}/${database}`
}

/** Makes an empty database, with the SQL run in it. */
export async function createDatabase(sql = ''): Promise<TestDatabase> {
  const name = `t_${randomBytes(6).toString('hex')}`
  await runAt(serverUrl('postgres'), `CREATE DATABASE ${name}`)
  const url = serverUrl(name)
  if (sql !== '') await runAt(url, sql)
  return {
    name,
    host: '127.0.0.1',
    port: inject('postgresPort'),
    url,
    run: (text) => runAt(url, text),
    drop: () => runAt(serverUrl('postgres'), `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`),
  }
}

/** The shared server's major version. */
export async function serverMajor(): Promise<number> {
  const client = new pg.Client({ connectionString: serverUrl('postgres') })
  await client.connect()
  try {
    return Number.parseInt((await client.query('SHOW server_version')).rows[0]?.server_version, 10)
  } finally {
    await client.end()
  }
}

async function runAt(url: string, sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    await client.query(sql)
  } finally {
    await client.end()
  }
}
