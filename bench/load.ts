import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import pg from 'pg'

/** What the clients of one measurement do. */
export interface LoadOptions {
  readonly port: number
  readonly database: string
  readonly clients: number
  readonly protocol: 'simple' | 'prepared'
  /** A statement in which `:id` and `:any` stand for random numbers. */
  readonly sql: string
  readonly seconds: number
}

export interface LoadResult {
  readonly statements: number
  /** Statements a second over all clients. */
  readonly rate: number
  /** Mean of one statement, in microseconds. */
  readonly latencyUs: number
}

/** Makes load from processes or connections of its own. */
export interface Load {
  readonly name: string
  run(options: LoadOptions): Promise<LoadResult>
  close(): Promise<void>
}

export const ROWS = 1000
const ANY = 1_000_000_000
const exec = promisify(execFile)

/** pgbench where it is installed, else node-postgres. */
export async function chooseLoad(): Promise<Load> {
  try {
    const { stdout } = await exec('pgbench', ['--version'])
    return await pgbenchLoad(stdout.trim())
  } catch {
    return nodeLoad()
  }
}

async function pgbenchLoad(name: string): Promise<Load> {
  const folder = await mkdtemp(join(tmpdir(), 'pg-hotswap-bench-'))
  const script = join(folder, 'script.sql')
  return {
    name,
    async run({ port, database, clients, protocol, sql, seconds }) {
      await writeFile(script, `\\set id random(1, ${ROWS})\n\\set any random(1, ${ANY})\n${sql};\n`)
      const args = ['-n', '-f', script, '-M', protocol, '-c', String(clients), '-j', '1', '-T', String(seconds)]
      const where = ['-h', '127.0.0.1', '-p', String(port), '-U', 'postgres', database]
      const { stdout, stderr } = await exec('pgbench', [...args, ...where], {
        env: { ...process.env, PGPASSWORD: 'postgres', PGSSLMODE: 'disable' },
      })
      const rate = Number(/^tps = ([\d.]+)/m.exec(stdout)?.[1])
      const latency = Number(/^latency average = ([\d.]+) ms/m.exec(stdout)?.[1])
      const statements = Number(/^number of transactions actually processed: (\d+)/m.exec(stdout)?.[1])
      const failed = Number(/^number of failed transactions: (\d+)/m.exec(stdout)?.[1] ?? 0)
      if (!(rate > 0) || failed > 0) throw new Error(`pgbench: ${stdout}${stderr}`)
      // The printed latency has three digits; with one client the rate tells more.
      return { statements, rate, latencyUs: clients === 1 ? 1e6 / rate : latency * 1000 }
    },
    close: () => rm(folder, { recursive: true, force: true }),
  }
}

function nodeLoad(): Load {
  return {
    name: 'node-postgres',
    async run({ port, database, clients, protocol, sql, seconds }) {
      const url = `postgres://postgres:postgres@127.0.0.1:${port}/${database}`
      const connections = Array.from({ length: clients }, () => new pg.Client({ connectionString: url }))
      await Promise.all(connections.map((client) => client.connect()))
      const query = protocol === 'simple' ? simpleQuery(sql) : preparedQuery(sql)
      let count = 0
      const began = performance.now()
      const end = began + seconds * 1000
      const work = async (client: pg.Client) => {
        while (performance.now() < end) {
          await client.query(query())
          count += 1
        }
      }
      await Promise.all(connections.map(work))
      const ms = performance.now() - began
      await Promise.all(connections.map((client) => client.end()))
      return { statements: count, rate: (count * 1000) / ms, latencyUs: (ms * 1000 * clients) / count }
    },
    close: () => Promise.resolve(),
  }
}

function simpleQuery(sql: string): () => string {
  return () => sql.replace(':id', String(random(ROWS))).replace(':any', String(random(ANY)))
}

function preparedQuery(sql: string): () => pg.QueryConfig {
  const names = [...sql.matchAll(/:(id|any)/g)].map((match) => match[1])
  let number = 0
  const text = sql.replace(/:(id|any)/g, () => `$${++number}`)
  return () => ({ name: 'bench', text, values: names.map((name) => random(name === 'id' ? ROWS : ANY)) })
}

function random(most: number): number {
  return 1 + Math.floor(Math.random() * most)
}
