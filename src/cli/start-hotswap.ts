import { randomBytes } from 'node:crypto'
import { hostname } from 'node:os'
import { readStatus } from '../admin/status.js'
import type { TextQuery } from '../catalog/introspect.js'
import type { Config } from '../config/load-config.js'
import { firstVersion, loadRules } from '../config/load-rules.js'
import { suggestName } from '../config/nearest-name.js'
import { formatProblem } from '../config/problem.js'
import type { ProxyLog, Proxy as RunningProxy } from '../proxy/contracts.js'
import { createHoldGate } from '../proxy/hold-gate.js'
import { startProxy } from '../proxy/listener.js'
import { queryShape } from '../proxy/query-shape.js'
import { type Generation, versionIndex } from '../rewrite/generation.js'
import { withNewerNames } from '../rewrite/newer-names.js'
import type { Rewriter } from '../rewrite/outcome.js'
import { createRewriter } from '../rewrite/rewriter.js'
import { createStepFacts } from '../rewrite/step-facts.js'
import { loadParser, type Parser } from '../sql/parse.js'
import { createStatementCheck, type StatementCheck } from '../switch/check/statement-check.js'
import { createChooseVersion } from '../switch/choose-version.js'
import { type ControlConnection, connectControl } from '../switch/control-connection.js'
import { createControlHook } from '../switch/control-hook.js'
import { createCoordinator } from '../switch/coordinator.js'
import { joinFleet } from '../switch/fleet/fleet.js'
import { spokenVersions } from '../switch/fleet/spoken-versions.js'
import { type OpenedStore, openStore } from '../switch/store/open-store.js'
import { createLocalHold } from '../switch/switch-hold.js'
import type { AtPoint } from '../switch/switch-point.js'
import { createToolHook } from '../switch/tool-hook.js'
import { KNOWN_LEDGERS } from '../switch/tool-statement.js'
import { createVersionSource, type VersionSource } from '../switch/version-source.js'
import { type Reservation, reserveAddress } from './reserve-address.js'
import { connectFailure, listenFailure, type Started, startFailed } from './start-failure.js'

/** A running proxy with its control plane. */
export interface Hotswap {
  readonly host: string
  readonly port: number
  /** What an app's DATABASE_URL must be: the upstream's URL with the proxy's host and port. */
  readonly url: string
  readonly proxy: RunningProxy
  readonly versions: VersionSource
  /** Lets transactions end until the deadline, then closes everything. */
  close(options?: { readonly deadlineMs?: number }): Promise<void>
}

/**
 * Starts everything that `serve` is: checks first, the port last, so that nothing is half-started. Rejects for bugs
 * alone; what its user can put right is a failure. `at` is called at each point of a switch, which waits for it.
 */
export async function startHotswap(config: Config, log: ProxyLog, at?: AtPoint): Promise<Started<Hotswap>> {
  const parser = await loadParser()
  const token = randomBytes(8).toString('hex')
  let reservation: Reservation
  try {
    reservation = await reserveAddress(config.listen, token)
  } catch (error) {
    return listenFailure(error, config.listen.host, config.listen.port)
  }
  let control: ControlConnection
  try {
    const options = { url: config.control, applicationName: `pg-hotswap control ${token}`, connectMs: 10_000 }
    control = await connectControl(options)
  } catch (error) {
    await reservation.release()
    if (reservation.sawToken()) return upstreamIsSelf(config)
    return connectFailure(error, config.control === config.upstream ? 'upstream' : 'control', config.control)
  }
  const versions = await openVersions(config, control, parser, log)
  if (!versions.ok) {
    await Promise.all([reservation.release(), control.end()])
    return versions
  }
  await reservation.release()
  try {
    return await openProxy(config, reservation.address, { control, ...versions.value, parser, log, at })
  } catch (error) {
    versions.value.versions.close()
    await control.end()
    return listenFailure(error, config.listen.host, config.listen.port)
  }
}

function upstreamIsSelf({ listen }: Config): Started<never> {
  return startFailed(`the upstream is this proxy itself, at port ${listen.port}`, [
    "Let upstream be the URL of the PostgreSQL server; DATABASE_URL is the app's and points to the proxy.",
  ])
}

/** Asks the server what must be known before anything is served, and plans the versions. */
async function openVersions(
  config: Config,
  control: ControlConnection,
  parser: Parser,
  log: ProxyLog,
): Promise<Started<OpenedVersions>> {
  const { query } = control
  const facts = await query(
    `SELECT pg_catalog.current_setting('server_version_num'), pg_catalog.pg_is_in_recovery(),
       (SELECT setting FROM pg_catalog.pg_settings WHERE name = 'deadlock_timeout')`,
  )
  const [version, recovery, deadlockMs] = facts[0] ?? []
  if (Number(version) < 140000) {
    return startFailed(`the server is PostgreSQL ${Math.trunc(Number(version) / 10000)}`, [
      'PostgreSQL 14 to 18 are supported.',
    ])
  }
  if (recovery === 't') {
    return startFailed('the upstream is a hot standby', [
      'Standbys are not supported yet: let upstream be the primary.',
    ])
  }
  if (config.hold.lockTimeoutMs >= Number(deadlockMs)) {
    return startFailed(
      `hold.lock_timeout (${config.hold.lockTimeoutMs} ms) must be below the server's deadlock_timeout (${deadlockMs} ms)`,
      ['Else the app, not the migration, would become the victim of a deadlock.'],
      2,
    )
  }
  // The shape of the statement, never its literals.
  const onBug = (error: unknown, text: string) =>
    log.warn({ error: error instanceof Error ? error.stack : String(error), statement: queryShape(text) }, 'a bug')
  const store = await findStore(config, query, log)
  if (!store.ok) return store
  const rewriting = { parser, cacheBytes: config.cacheBytes, onBug, stepFacts: createStepFacts() }
  const makeRewriter = onePerGeneration((generation) =>
    withNewerNames(createRewriter(generation, rewriting), generation),
  )
  const versions = await createVersionSource({
    ...(store.value === undefined ? {} : { store: store.value.store }),
    query,
    connections: () => control.connections,
    parser,
    readRules: async () =>
      config.rules === undefined ? { ok: true, value: [] } : await loadRules(config.rules, parser),
    createRewriter: makeRewriter,
    pollMs: config.pollMs,
    log,
  })
  if (!versions.ok) {
    return startFailed('the rule files cannot be used', versions.problems.map(formatProblem), 1)
  }
  const unknown = findUnknownVersion(config, versions.value)
  if (unknown !== undefined) {
    versions.value.close()
    return startFailed(unknown, [], 2)
  }
  if (store.value?.created === true && config.defaultVersion !== undefined) {
    await versions.value.promote(config.defaultVersion)
  }
  const check = createStatementCheck({
    ...{ parser, query, log },
    url: config.control,
    stored: store.value !== undefined,
    current: () => versions.value.current(),
    createRewriter: makeRewriter,
    isSpoken: (version) =>
      version === (config.defaultVersion ?? versions.value.defaultVersion) ||
      config.clients.some((client) => client.version === version),
  })
  return { ok: true, value: { versions: versions.value, check, stored: store.value !== undefined } }
}

/** The check of a step rewrites by the generation that is put in force afterwards. */
function onePerGeneration(create: (generation: Generation) => Rewriter): (generation: Generation) => Rewriter {
  const made = new WeakMap<Generation, Rewriter>()
  return (generation) => {
    const rewriter = made.get(generation) ?? create(generation)
    made.set(generation, rewriter)
    return rewriter
  }
}

interface OpenedVersions {
  readonly versions: VersionSource
  readonly check: StatementCheck
  /** The versions are kept in schema hotswap. */
  readonly stored: boolean
}

type OpenStore = Extract<OpenedStore, { readonly kind: 'open' }>

/** The store of the database, made where there is none; undefined where it cannot be made, or is not wanted. */
async function findStore(config: Config, query: TextQuery, log: ProxyLog): Promise<Started<OpenStore | undefined>> {
  if (!config.store) return { ok: true, value: undefined }
  const opened = await openStore({ query, defaultVersion: firstVersion })
  if (opened.kind === 'open') return { ok: true, value: opened }
  const { message, details } = opened
  if (opened.kind === 'refused') return startFailed(message, details)
  log.warn({ details }, message)
  return { ok: true, value: undefined }
}

/** The configuration may name versions that exist, and those that an armed rule file will lead to. */
function findUnknownVersion(config: Config, versions: VersionSource): string | undefined {
  const existing = versions.current().generation.versions.map(({ name }) => name)
  const known = [...existing, ...versions.armed.map((file) => file.version)]
  if (config.defaultVersion !== undefined && !existing.includes(config.defaultVersion)) {
    return `default_version "${config.defaultVersion}" is no version${suggestName(config.defaultVersion, existing)} (versions are ${existing.join(', ')})`
  }
  if (config.defaultVersion === undefined && !existing.includes(versions.defaultVersion)) {
    return `the default version "${versions.defaultVersion}" of the version store is none of ${existing.join(', ')}: a rule file of it is missing, or give default_version`
  }
  const client = config.clients.find(({ version }) => !known.includes(version))
  if (client === undefined) return undefined
  return `clients: "${client.version}" is no version${suggestName(client.version, known)} (versions are ${known.join(', ')})`
}

interface Parts extends OpenedVersions {
  readonly control: ControlConnection
  readonly parser: Parser
  readonly log: ProxyLog
  readonly at: AtPoint | undefined
}

async function openProxy(
  config: Config,
  listen: { readonly host: string; readonly port: number },
  { control, versions, check, stored, parser, log, at }: Parts,
): Promise<Started<Hotswap>> {
  const upstream = new URL(config.upstream)
  const gate = createHoldGate()
  let endSessions: RunningProxy['endSessions'] = () => undefined
  let sessions: RunningProxy['sessions'] = () => []
  let moveSessions: RunningProxy['moveSessions'] = () => 0
  const name = `${listen.host}:${listen.port} (${hostname()}, process ${process.pid})`
  const configured = [config.defaultVersion, ...config.clients.map(({ version }) => version)].filter(
    (version) => version !== undefined,
  )
  // Without a store nothing tells proxies of each other: there must be one.
  const fleet = stored
    ? await joinFleet({
        ...{ url: config.control, applicationName: 'pg-hotswap fleet', name },
        ...{ gate, versions, control: control.query, log },
        holdMs: config.hold.timeoutMs,
        endSessions: (error) => endSessions(error),
        spoken: () => spokenVersions(sessions(), configured),
        moveSessions: ({ from, to }) => {
          if (versionIndex(versions.current().generation, to) >= 0) moveSessions(from, to)
        },
      })
    : undefined
  const traffic = fleet?.hold ?? createLocalHold(gate, control.query)
  const switching = {
    traffic,
    versions,
    parser,
    control: control.query,
    hold: config.hold,
    check,
    log,
    ...(at === undefined ? {} : { at }),
  }
  const proxy: RunningProxy = await startProxy({
    listen,
    upstream: { host: upstream.hostname.replace(/^\[|\]$/g, ''), port: Number(upstream.port || 5432) },
    database: databaseOf(upstream),
    generations: versions,
    gate,
    ...(fleet === undefined ? {} : { admission: fleet.admission }),
    chooseVersion: createChooseVersion({
      versions,
      clients: config.clients,
      defaultVersion: config.defaultVersion,
    }),
    migrator: createCoordinator(switching),
    tools: createToolHook({ ...switching, ledgers: KNOWN_LEDGERS, guarded: stored }),
    control: createControlHook({
      versions,
      status: async () =>
        readStatus({
          versions,
          spoken: spokenVersions(proxy.sessions(), configured),
          counters: proxy.counters,
          statements: check.statements,
          fleet: fleet && { me: fleet.me, members: await fleet.members() },
        }),
      tellSpoken: fleet?.tellSpoken,
      notify: fleet?.notify,
      speaking: (version) =>
        proxy.sessions().filter((session) => session.kind === 'app' && session.version === version).length,
      moveSessions: (from, to) => proxy.moveSessions(from, to),
    }),
    recorded: check.note,
    log,
  }).catch(async (error: unknown) => {
    await fleet?.close()
    throw error
  })
  endSessions = proxy.endSessions
  sessions = proxy.sessions
  moveSessions = proxy.moveSessions
  const url = new URL(config.upstream)
  url.hostname = connectableHost(proxy.host)
  url.port = String(proxy.port)
  return {
    ok: true,
    value: {
      host: proxy.host,
      port: proxy.port,
      url: url.href,
      proxy,
      versions,
      close: async (options) => {
        versions.close()
        await proxy.close(options)
        await fleet?.close()
        await check.flush()
        await control.end()
      },
    },
  }
}

/** The database of a URL: as libpq has it, the user's name where it names none. */
function databaseOf(url: URL): string {
  return decodeURIComponent(url.pathname.slice(1)) || decodeURIComponent(url.username) || 'postgres'
}

function connectableHost(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1'
  if (host === '::') return '[::1]'
  return host.includes(':') ? `[${host}]` : host
}
