import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { fileURLToPath } from 'node:url'
import pg from 'pg'
import { type Hotswap, startHotswap } from '../../../src/cli/start-hotswap.js'
import { type Config, loadConfig } from '../../../src/config/load-config.js'
import { decodeReport, type MigrationReport } from '../../../src/switch/migration-report.js'
import { encodeMigration } from '../../../src/switch/migration-text.js'
import type { AtPoint } from '../../../src/switch/switch-point.js'

/** Two columns that each migration swaps: a statement made for another head gives the wrong answer, and no error. */
export const swappedColumns = `
  CREATE TABLE posts (id int PRIMARY KEY, title text, body text);
  INSERT INTO posts VALUES (1, 'T', 'B');
`
export const swap =
  'ALTER TABLE posts RENAME title TO t; ALTER TABLE posts RENAME body TO title; ALTER TABLE posts RENAME t TO body'

export interface LocalProxy extends Hotswap {
  readonly log: readonly { readonly message: string; readonly fields: object }[]
}

/** A proxy in this process. */
export async function startProxyHere(
  upstream: string,
  settings: { readonly config?: Partial<Config>; readonly at?: AtPoint } = {},
): Promise<LocalProxy> {
  const config = await loadConfig({ flags: { upstream, listen: { host: '127.0.0.1', port: 0 } }, environment: {} })
  if (!config.ok) throw new Error(JSON.stringify(config.problems))
  const log: { message: string; fields: object }[] = []
  const add = (fields: object, message: string) => log.push({ message, fields })
  const started = await startHotswap(
    { ...config.value, pollMs: 100, ...settings.config },
    { info: add, warn: add, debug: add },
    settings.at,
  )
  if (!started.ok) throw new Error(started.failure.message)
  return { ...started.value, log }
}

export interface ProxyProcess {
  readonly child: ChildProcess
  readonly url: string
  stderr(): string
  end(): Promise<void>
}

/** A proxy in a process of its own, which may be told to signal itself at a point of a switch. */
export async function startProxyProcess(
  upstream: string,
  options: {
    readonly control?: string
    readonly hold?: object
    readonly point?: string
    readonly signal?: NodeJS.Signals
  } = {},
): Promise<ProxyProcess> {
  const script = fileURLToPath(new URL('./proxy-process.ts', import.meta.url))
  const child = spawn(
    process.execPath,
    ['--import', import.meta.resolve('tsx'), script, JSON.stringify({ upstream, ...options })],
    { env: { PATH: process.env.PATH ?? '', HOME: process.env.HOME ?? '' } },
  )
  let stderr = ''
  let stdout = ''
  child.stderr.on('data', (chunk) => {
    stderr += String(chunk)
  })
  const closed = once(child, 'close')
  const url = await new Promise<string>((resolve, reject) => {
    child.stdout.on('data', (chunk) => {
      stdout += String(chunk)
      if (stdout.includes('\n')) resolve(stdout.trim())
    })
    child.once('close', () => reject(new Error(`the proxy ended: ${stderr}`)))
  })
  return {
    child,
    url,
    stderr: () => stderr,
    async end() {
      child.kill('SIGCONT')
      child.kill('SIGKILL')
      await closed
    },
  }
}

export interface Load {
  /** Right answers so far. */
  readonly answers: number
  /** Wrong answers: there must be none, ever. */
  readonly wrong: readonly unknown[]
  readonly errors: readonly { readonly code: string | undefined; readonly message: string }[]
  /** Milliseconds of the longest wait for an answer. */
  readonly longestMs: number
  stop(): Promise<void>
}

/** Clients of the first version, each of which asks all the time, and connects again where it is thrown out. */
export function startLoad(url: string, clients = 2): Load {
  const load = { answers: 0, wrong: [] as unknown[], errors: [] as Load['errors'][number][], longestMs: 0 }
  let stopped = false
  const fail = (error: unknown) => {
    const { code, message } = error as { code?: string; message: string }
    load.errors.push({ code, message })
  }
  const work = Array.from({ length: clients }, async (_, index) => {
    while (!stopped) {
      const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5_000 })
      client.on('error', () => undefined)
      try {
        await client.connect()
        while (!stopped) {
          const since = performance.now()
          const write = index % 2 === 1
          const { rows } = await client.query(
            write
              ? {
                  name: 'u',
                  text: "UPDATE posts SET body = 'B', title = 'T' WHERE id = $1 RETURNING title, body",
                  values: [1],
                }
              : { name: 's', text: 'SELECT title, body FROM posts WHERE id = $1', values: [1] },
          )
          load.longestMs = Math.max(load.longestMs, performance.now() - since)
          const [row] = rows as { title: string; body: string }[]
          if (row?.title === 'T' && row.body === 'B') load.answers++
          else load.wrong.push(row)
        }
      } catch (error) {
        fail(error)
        await new Promise((resolve) => setTimeout(resolve, 20))
      } finally {
        await Promise.race([client.end().catch(() => undefined), new Promise((resolve) => setTimeout(resolve, 200))])
      }
    }
  })
  return {
    get answers() {
      return load.answers
    },
    get longestMs() {
      return load.longestMs
    },
    wrong: load.wrong,
    errors: load.errors,
    async stop() {
      stopped = true
      await Promise.race([Promise.all(work), new Promise((resolve) => setTimeout(resolve, 2_000))])
    },
  }
}

export interface Migrated {
  readonly report: MigrationReport | undefined
  readonly error: { readonly code?: string; readonly message: string } | undefined
  readonly ms: number
}

/** Migrates through a proxy; never rejects. */
export async function migrateThrough(url: string, name: string, sql: string): Promise<Migrated> {
  const client = new pg.Client({ connectionString: url, options: `-c hotswap.migrate=${name}` })
  client.on('error', () => undefined)
  const notices: string[] = []
  client.on('notice', (notice) => notices.push(notice.message ?? ''))
  const since = performance.now()
  let error: Migrated['error']
  try {
    await client.connect()
    await client.query(encodeMigration({ sql, rules: undefined }))
  } catch (thrown) {
    error = thrown as { code?: string; message: string }
  }
  const ms = performance.now() - since
  client.end().catch(() => undefined)
  return { report: notices.map(decodeReport).find((found) => found !== undefined), error, ms }
}

/** A way to the database that can be cut and mended, for the control connections of one proxy. */
export async function startRelay(
  target: URL,
): Promise<{ readonly url: string; cut(): void; mend(): void; stop(): void }> {
  const sockets = new Set<Socket>()
  let cut = false
  const server = createServer((client) => {
    if (cut) {
      client.destroy()
      return
    }
    const upstream = connect(Number(target.port), target.hostname)
    for (const [one, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(one)
      one.on('data', (chunk: Buffer) => other.write(chunk))
      one.on('error', () => other.destroy())
      one.on('close', () => {
        sockets.delete(one)
        other.destroy()
      })
    }
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = new URL(target)
  url.port = String((server.address() as { port: number }).port)
  const destroyAll = () => {
    for (const socket of sockets) socket.destroy()
  }
  return {
    url: url.href,
    cut() {
      cut = true
      destroyAll()
    },
    mend() {
      cut = false
    },
    stop() {
      server.close()
      destroyAll()
    },
  }
}
