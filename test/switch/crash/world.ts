import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import pg from 'pg'
import { freePort } from '../../../src/cli/embedded-postgres.js'
import { type BankRow, bankQuery, FIRST, type Shape } from './bank-migrations.js'
import { audit } from './books.js'
import { type CrashServer, startCrashServer } from './crash-server.js'
import { createProxyProcess, type ProxyChild, type ProxyProcess } from './proxy-child.js'
import { type App, startApp } from './tellers.js'

/** A server, and a process of proxies: what can be killed. */
export interface Site {
  readonly server: CrashServer
  readonly proxies: ProxyProcess
  end(): Promise<void>
}

/** A database of the bank, a proxy before it, and the running app. */
export interface World {
  /** Past the proxy. */
  readonly direct: string
  readonly app: App
  proxy: ProxyChild
  /** What the database should be. */
  shape: Shape
  /** Steps that took place. */
  readonly steps: string[]
  /** Versions that tools have in their ledger. */
  readonly ledger: string[]
  /** Migrations that were made, whether they took place or not. */
  made: number
  /** Starts the proxy again, where it died. */
  restart(): Promise<void>
  /** Ends the app; gives what is wrong with it, and with the bank. */
  end(): Promise<readonly string[]>
}

export async function makeSite(): Promise<Site> {
  const proxies = createProxyProcess()
  const server = await startCrashServer()
  return {
    server,
    proxies,
    async end() {
      await proxies.end()
      await server.end()
    },
  }
}

export interface Load {
  readonly tellers: number
  /** Between two pieces of a teller's work. */
  readonly thinkMs: number
}

/** `database`: its name, which no other world has. */
export async function makeWorld({ server, proxies }: Site, database: string, load: Load): Promise<World> {
  await ask(server.url('postgres'), `CREATE DATABASE ${database}`)
  const direct = server.url(database)
  await ask(direct, await readFile(fileURLToPath(new URL('./bank.sql', import.meta.url)), 'utf8'))
  const port = await freePort()
  const proxy = await proxies.start(direct, port)
  const app = startApp(proxy.url, load.tellers, load.thinkMs)
  const world: World = {
    ...{ direct, app, proxy },
    shape: FIRST,
    steps: [],
    ledger: [],
    made: 0,
    async restart() {
      world.proxy = await proxies.start(direct, port)
    },
    async end() {
      const books = await app.stop()
      const [row] = await ask(direct, bankQuery(world.shape))
      const { bank } = row as BankRow
      return [...audit(bank, books), ...app.failures]
    },
  }
  return world
}

/** Asks past the proxy, on a connection of its own. */
export async function ask(url: string, sql: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 30_000 })
  client.on('error', () => undefined)
  await client.connect()
  try {
    return (await client.query(sql)).rows
  } finally {
    await client.end().catch(() => undefined)
  }
}
