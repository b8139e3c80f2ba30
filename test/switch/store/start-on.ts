import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { type Hotswap, startHotswap } from '../../../src/cli/start-hotswap.js'
import { type Config, loadConfig } from '../../../src/config/load-config.js'
import { formatProblem } from '../../../src/config/problem.js'
import { encodeMigration } from '../../../src/switch/migration-text.js'

/** One of several proxies, at once or one after the other, of a database. */
export interface ProxyOfDatabase extends Hotswap {
  readonly log: readonly { readonly message: string; readonly fields: object }[]
  versionNames(): readonly string[]
  connect(options?: string): Promise<pg.Client>
  writeRule(name: string, text: string): Promise<void>
  /** The error of a migration, if it had one. */
  migrate(name: string, sql: string, rules?: string): Promise<pg.DatabaseError | undefined>
  stop(): Promise<void>
}

export interface StartSettings {
  readonly rules?: Readonly<Record<string, string>>
  readonly config?: Partial<Config>
}

/** Starts a proxy in front of a database that is there; gives why not, where it refuses to. */
export async function startOn(url: string, settings: StartSettings = {}): Promise<ProxyOfDatabase | string> {
  const folder = await mkdtemp(join(tmpdir(), 'hotswap-store-'))
  await mkdir(folder, { recursive: true })
  for (const [name, text] of Object.entries(settings.rules ?? {})) await writeFile(join(folder, name), text)
  const flags = { upstream: url, rules: folder, listen: { host: '127.0.0.1', port: 0 } }
  const config = await loadConfig({ flags, environment: {} })
  if (!config.ok) throw new Error(config.problems.map(formatProblem).join('\n'))
  const log: { message: string; fields: object }[] = []
  const add = (fields: object, message: string) => log.push({ message, fields })
  const started = await startHotswap(
    { ...config.value, pollMs: 30, ...settings.config },
    { info: add, warn: add, debug: add },
  )
  if (!started.ok) {
    await rm(folder, { recursive: true })
    return [started.failure.message, ...started.failure.details].join('\n')
  }
  const hotswap = started.value
  const clients: pg.Client[] = []
  const connect = async (options?: string) => {
    const client = new pg.Client({ connectionString: hotswap.url, ...(options === undefined ? {} : { options }) })
    client.on('error', () => undefined)
    clients.push(client)
    await client.connect()
    return client
  }
  return {
    ...hotswap,
    log,
    versionNames: () => hotswap.versions.current().generation.versions.map(({ name }) => name),
    connect,
    writeRule: (name, text) => writeFile(join(folder, name), text),
    async migrate(name, sql, rules) {
      const client = await connect(`-c hotswap.migrate=${name}`)
      const sent = { sql, rules: rules === undefined ? undefined : { file: `${name}.yaml`, text: rules } }
      const error = await client.query(encodeMigration(sent)).then(
        () => undefined,
        (thrown: pg.DatabaseError) => thrown,
      )
      await client.end()
      return error
    },
    stop: async () => {
      await Promise.all(clients.map((client) => client.end().catch(() => undefined)))
      await hotswap.close({ deadlineMs: 1000 })
      await rm(folder, { recursive: true })
    },
  }
}

export async function mustStartOn(url: string, settings: StartSettings = {}): Promise<ProxyOfDatabase> {
  const started = await startOn(url, settings)
  if (typeof started === 'string') throw new Error(started)
  return started
}
