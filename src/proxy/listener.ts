import { createServer, type Server, type Socket } from 'node:net'
import { headIndex, versionIndex } from '../rewrite/generation.js'
import { encodeStartupMessage, type StartupMessage } from '../wire/startup.js'
import { answerCancel } from './cancel.js'
import { fatalResponse } from './client-error.js'
import type {
  ClientError,
  ClientIdentity,
  ProxyOptions,
  Proxy as RunningProxy,
  SessionInfo,
  VersionChoice,
} from './contracts.js'
import { endWithError } from './end-session.js'
import { defaultLimits } from './limits.js'
import { openSession } from './open-session.js'
import { createOwnConnections, type OwnConnections } from './own-connections.js'
import { readStartup } from './read-startup.js'
import { relay } from './relay.js'
import { isBusy, type ProxyContext, type Session, sessionInfo } from './session.js'
import { databaseOf, isReplication, startupParameter, takeSettings } from './startup-options.js'
import { createEffectsReader } from './statement-effects.js'
import { connectUpstream, socketOptions } from './upstream.js'

const silent = { info: () => undefined, warn: () => undefined, debug: () => undefined }

/**
 * Starts a proxy in front of one PostgreSQL server. Rejects with Node's error where the address cannot be listened on; the
 * server need not be reachable yet.
 */
export async function startProxy(options: ProxyOptions): Promise<RunningProxy> {
  const context: ProxyContext = {
    options,
    limits: { ...defaultLimits, ...options.limits },
    log: options.log ?? silent,
    counters: {
      connections: 0,
      statements: 0,
      rewritten: 0,
      refused: 0,
      catalogReads: 0,
      newer: 0,
      reprepared: 0,
      retried: 0,
    },
    readEffects: createEffectsReader(options.tools?.ledgers ?? []),
    byPid: new Map(),
    tools: new Set(),
  }
  const connections = new Map<Socket, Connection>()
  const own = createOwnConnections()

  const server = createServer(socketOptions)
  server.on('connection', (client: Socket) => {
    const id = ++context.counters.connections
    const connection: Connection = { id, client, since: Date.now(), session: undefined, relayed: undefined }
    connections.set(client, connection)
    client.once('close', () => connections.delete(client))
    client.on('error', () => client.destroy())
    serve(context, connection, own).catch((error: unknown) => {
      context.log.warn({ session: id, error: String(error) }, 'a connection failed')
      client.destroy()
    })
  })
  await listen(server, options)
  server.on('error', (error) => context.log.warn({ error: String(error) }, 'a connection could not be accepted'))
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the proxy has no TCP port')
  return {
    host: options.listen.host,
    port: address.port,
    sessions: () => [...connections.values()].map(describe),
    counters: () => ({ ...context.counters }),
    moveSessions(from, to) {
      const moved = [...connections.values()].flatMap(({ session }) =>
        session?.kind === 'app' && session.versionName === from ? session : [],
      )
      for (const session of moved) session.nextVersion = to
      return moved.length
    },
    endSessions(error) {
      for (const { session } of connections.values()) {
        if (session?.kind === 'app' || session?.kind === 'tool') endWithError(session, error)
      }
    },
    close: ({ deadlineMs = 10_000 } = {}) => close(server, connections, deadlineMs),
  }
}

/** One client connection, before and after it is known what it wants. */
interface Connection {
  readonly id: number
  readonly client: Socket
  readonly since: number
  session: Session | undefined
  relayed: ClientIdentity | undefined
}

function listen(server: Server, { listen: { host, port } }: ProxyOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen({ host, port, backlog: 1024 }, () => {
      server.off('error', reject)
      resolve()
    })
  })
}

async function serve(context: ProxyContext, connection: Connection, own: OwnConnections): Promise<void> {
  const { client } = connection
  const { limits, options } = context
  const timer = setTimeout(() => client.destroy(), limits.startupMs)
  const request = await readStartup(client)
  clearTimeout(timer)
  if (request === undefined) return
  // Known only now: our end of the connection is in the set before it sends its StartupMessage.
  if (own.has(client)) {
    refuse(client, {
      sqlstate: '08001',
      message: 'the "upstream" of pg-hotswap is pg-hotswap itself',
      hint: 'Let "upstream" name the PostgreSQL server, not the port that the proxy listens on.',
    })
    return
  }
  const { packet, rest } = request
  if (packet.kind === 'cancel') {
    await answerCancel(context, client, packet.pid, packet.key)
    return
  }
  const plan = planStartup(context, packet)
  if ('error' in plan) {
    refuse(client, plan.error)
    return
  }
  const upstream = await connectUpstream(options.upstream, limits.connectMs)
  if ('error' in upstream) {
    context.log.warn({ session: connection.id, error: upstream.error.message }, 'the server cannot be reached')
    refuse(client, upstream.error)
    return
  }
  const { socket } = upstream
  if (client.destroyed) {
    socket.destroy()
    return
  }
  own.add(socket)
  // The generation in force may be another one by now, in which the version has another index.
  const version = plan.kind === 'app' ? indexOf(options, plan.versionName) : undefined
  if (plan.kind === 'app' && version === undefined) {
    socket.destroy()
    refuse(client, notServed(plan.versionName))
    return
  }
  if (plan.kind === 'relayed') {
    connection.relayed = plan.identity
    await relay(client, socket, [encodeStartupMessage(packet), rest])
    const { user, database, applicationName } = plan.identity
    const ms = Date.now() - connection.since
    context.log.info({ session: connection.id, kind: 'relayed', user, database, applicationName, ms }, 'session ended')
    return
  }
  socket.write(encodeStartupMessage(plan.forwarded))
  const { id, since } = connection
  const start = { ...plan, id, since, client, server: socket }
  connection.session = openSession(context, version === undefined ? start : { ...start, version })
  if (rest.length > 0) client.emit('data', rest)
}

type StartupPlan =
  | { readonly kind: 'relayed'; readonly identity: ClientIdentity }
  | {
      readonly kind: Session['kind']
      readonly identity: ClientIdentity
      readonly forwarded: StartupMessage
      readonly migration: string
      readonly allowBreaking: boolean
      readonly versionName: string
      readonly version: number
    }
  | { readonly error: ClientError }

/** What becomes of a connection, by its StartupMessage. */
function planStartup(context: ProxyContext, message: StartupMessage): StartupPlan {
  const { options } = context
  const database = databaseOf(message, options.database)
  const user = startupParameter(message, 'user') ?? ''
  const applicationName = startupParameter(message, 'application_name') ?? ''
  const identity = { user, database, applicationName }
  if (database !== options.database || isReplication(message)) return { kind: 'relayed', identity }
  const { forwarded, settings } = takeSettings(message, options.database)
  const { generation } = options.generations.current()
  const head = headIndex(generation)
  const headName = generation.versions[head]?.name ?? ''
  const migration = settings.get('migrate') ?? ''
  const start = { identity, forwarded, migration, allowBreaking: settings.get('allow_breaking') === 'on' }
  if (migration !== '' || settings.get('control') === 'on') {
    const kind = migration !== '' ? 'migrator' : 'control'
    if (options[kind] === undefined) {
      return { error: { sqlstate: '0A000', message: `this proxy takes no ${kind} connections` } }
    }
    return { kind, ...start, versionName: headName, version: head }
  }
  if (settings.get('run') === 'on') {
    if (options.tools === undefined) return { error: noTools }
    return { kind: 'tool', ...start, versionName: headName, version: head }
  }
  const requestedVersion = settings.get('version')
  const asking = requestedVersion === undefined ? identity : { ...identity, requestedVersion }
  const choice: VersionChoice = options.chooseVersion(asking)
  if ('error' in choice) return choice
  const version = indexOf(options, choice.version)
  if (version === undefined) return { error: notServed(choice.version) }
  return { kind: 'app', ...start, versionName: choice.version, version }
}

function indexOf({ generations }: ProxyOptions, version: string): number | undefined {
  const index = versionIndex(generations.current().generation, version)
  return index < 0 ? undefined : index
}

function notServed(version: string): ClientError {
  return { sqlstate: '08004', message: `version "${version}" of the schema is not served` }
}

const noTools: ClientError = { sqlstate: '0A000', message: 'this proxy takes no migration tools' }

function refuse(client: Socket, error: ClientError): void {
  if (client.destroyed) return
  client.write(fatalResponse(error))
  client.destroySoon()
}

function describe(connection: Connection): SessionInfo {
  const { id, session, relayed, since } = connection
  if (session !== undefined) return sessionInfo(session)
  const { user, database, applicationName } = relayed ?? { user: '', database: '', applicationName: '' }
  const kind = relayed === undefined ? 'starting' : 'relayed'
  const state = relayed === undefined ? 'starting' : 'active'
  return { id, kind, user, database, applicationName, version: undefined, pid: undefined, state, since }
}

async function close(server: Server, connections: Map<Socket, Connection>, deadlineMs: number): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()))
  const endIdle = () => {
    for (const { session, client } of connections.values()) {
      if (session === undefined) client.destroy()
      else if (!isBusy(session)) endWithError(session, shutdown)
    }
  }
  endIdle()
  const look = setInterval(endIdle, 20)
  const deadline = setTimeout(() => {
    for (const { session, client } of connections.values()) {
      if (session === undefined) client.destroy()
      else endWithError(session, shutdown)
    }
  }, deadlineMs)
  await closed
  clearInterval(look)
  clearTimeout(deadline)
}

const shutdown: ClientError = {
  sqlstate: '57P01',
  message: 'terminating connection due to administrator command',
  hint: 'pg-hotswap is shutting down; connect again.',
}
