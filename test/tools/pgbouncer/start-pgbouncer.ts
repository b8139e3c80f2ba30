import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { accessSync, constants } from 'node:fs'
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import pg from 'pg'

/** A pooler of its own on 127.0.0.1, in front of a server or of a proxy. */
export interface Pgbouncer {
  /** The URL of a database behind it. */
  url(database: string): string
  /** Asks its console, e.g. `SHOW SERVERS`. */
  show(command: string): Promise<readonly Readonly<Record<string, unknown>>[]>
  stop(): Promise<void>
}

export interface PgbouncerSettings {
  /** Where it sends its clients' queries. */
  readonly target: { readonly host: string; readonly port: number }
  readonly mode?: 'session' | 'transaction'
  /** Server connections at most. */
  readonly poolSize?: number
  /** Databases of its own names, by the names that they have where it sends them. */
  readonly databases?: Readonly<Record<string, string>>
  /** Further lines of its [pgbouncer] section. */
  readonly settings?: Readonly<Record<string, string>>
}

/** The pooler's program, where the machine has one; Debian keeps it out of the PATH of ordinary users. */
export const pgbouncerProgram: string | undefined = findProgram('pgbouncer')

function findProgram(name: string): string | undefined {
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/usr/bin']
  return folders.map((folder) => join(folder, name)).find(isExecutable)
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

/** Starts a pooler, and waits until its console answers. */
export async function startPgbouncer({
  target,
  mode,
  poolSize,
  databases,
  settings,
}: PgbouncerSettings): Promise<Pgbouncer> {
  if (pgbouncerProgram === undefined) throw new Error('there is no pgbouncer on this machine')
  const folder = await mkdtemp(join(tmpdir(), 'hotswap-pgbouncer-'))
  // Started by root it goes on as another user, who must reach its files.
  await chmod(folder, 0o755)
  const port = await freePort()
  const users = join(folder, 'users.txt')
  const file = join(folder, 'pgbouncer.ini')
  const lines = {
    listen_addr: '127.0.0.1',
    listen_port: String(port),
    unix_socket_dir: '',
    auth_type: 'scram-sha-256',
    auth_file: users,
    admin_users: 'postgres',
    pool_mode: mode ?? 'session',
    default_pool_size: String(poolSize ?? 4),
    max_client_conn: '200',
    ...(process.getuid?.() === 0 ? { user: 'nobody' } : {}),
    ...settings,
  }
  const server = `host=${target.host} port=${target.port}`
  const aliases = Object.entries(databases ?? {}).map(([name, behind]) => `${name} = ${server} dbname=${behind}`)
  const section = Object.entries(lines).map(([name, value]) => `${name} = ${value}`)
  await writeFile(users, '"postgres" "postgres"\n')
  await writeFile(file, ['[databases]', ...aliases, `* = ${server}`, '[pgbouncer]', ...section, ''].join('\n'))
  const child = spawn(pgbouncerProgram, [file], { stdio: ['ignore', 'pipe', 'pipe'] })
  const closed = once(child, 'close')
  const stop = async () => {
    child.kill('SIGKILL')
    await closed
    await rm(folder, { recursive: true, force: true })
  }
  const url = (database: string) => `postgres://postgres:postgres@127.0.0.1:${port}/${database}`
  try {
    await untilReady(url('pgbouncer'), child)
  } catch (error) {
    await stop()
    throw error
  }
  return { url, show: (command) => askConsole(url('pgbouncer'), command), stop }
}

async function untilReady(url: string, child: ChildProcess): Promise<void> {
  let said = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (chunk) => {
      said += String(chunk)
    })
  }
  const deadline = Date.now() + 20_000
  for (;;) {
    const error = await askConsole(url, 'SHOW VERSION').then(
      () => undefined,
      (thrown: unknown) => thrown,
    )
    if (error === undefined) return
    if (child.exitCode !== null || Date.now() > deadline) throw new Error(`pgbouncer does not serve: ${error}\n${said}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

async function askConsole(url: string, command: string): Promise<readonly Readonly<Record<string, unknown>>[]> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5_000 })
  client.on('error', () => undefined)
  try {
    await client.connect()
    return (await client.query(command)).rows
  } finally {
    await client.end().catch(() => undefined)
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  server.close()
  await once(server, 'close')
  return port
}
