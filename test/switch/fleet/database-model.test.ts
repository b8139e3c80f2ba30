import pg from 'pg'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { connectControl } from '../../../src/switch/control-connection.js'
import { connectFleet, type FleetConnection } from '../../../src/switch/fleet/fleet-connection.js'
import type { View } from '../../../src/switch/fleet/protocol.js'
import { createRequests, type Gathered, type Requests } from '../../../src/switch/fleet/requests.js'
import { enterSwitch } from '../../../src/switch/fleet/tables.js'
import { openStore } from '../../../src/switch/store/open-store.js'
import { createDatabase, type TestDatabase } from '../../support/database.js'
import { waitFor } from '../../support/start-hotswap.js'
import { carryOut, hasLock, realDatabase } from './database-model.js'
import { firstWorld, proxyAt, type Reply, type Request, type World, withProxy } from './world.js'

/** A proxy of the test: what it has of the real database. */
interface Member {
  readonly connection: FleetConnection
  readonly requests: Requests
  readonly me: number
  /** Its one session's connection, whose backend is registered. */
  session: pg.Client | undefined
  /** A migration's connection, in its transaction. */
  migrator: { readonly client: pg.Client; readonly base: number } | undefined
}

const PROXIES = 3
const ROUNDS = Number(process.env.HOTSWAP_STATEMENTS ?? (process.env.HOTSWAP_LONG === undefined ? 250 : 5000))
const seed = Number(process.env.HOTSWAP_SEED ?? 20_261)

let database: TestDatabase
const members: Member[] = []
const open = new Set<pg.Client>()

async function connect(): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: database.url })
  client.on('error', () => undefined)
  client.on('end', () => open.delete(client))
  await client.connect()
  open.add(client)
  return client
}

beforeEach(async () => {
  database = await createDatabase()
  const control = await connectControl({ url: database.url, applicationName: 'control', connectMs: 5_000 })
  const opened = await openStore({ query: control.query, defaultVersion: 'initial' })
  expect(opened.kind).toBe('open')
  await control.query('UPDATE hotswap.state SET number = 0')
  await control.end()
  for (let index = 0; index < PROXIES; index++) {
    const connection = await connectFleet({
      ...{ url: database.url, applicationName: 'fleet', connectMs: 5_000, answerMs: 20_000 },
      ...{ onNotification: () => undefined, onLost: () => undefined },
    })
    const requests = createRequests(connection.query, `token ${index}`)
    const { me } = await requests.join(0, `proxy ${index}`, true)
    members.push({ connection, requests, me, session: undefined, migrator: undefined })
  }
})

afterEach(async () => {
  await Promise.all([...open].map((client) => client.end().catch(() => undefined)))
  await Promise.all(members.splice(0).map(({ connection }) => connection.close()))
  await database.drop()
})

/** The same numbers from the same seed (mulberry32). */
function random(state: number): () => number {
  let a = state
  return () => {
    a = (a + 0x6d2b79f5) | 0
    let t = Math.imul(a ^ (a >>> 15), 1 | a)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
}

const seen = ({ head, switch: last, open: isOpen, mine, fenced }: View) => ({ head, last, isOpen, mine, fenced })

/** What the model answers to a request of a proxy. */
function answerOfModel(world: World, index: number, request: Request): { world: World; reply: Reply } {
  const asked = withProxy(world, index, { requests: [request], replies: [] })
  const after = carryOut(asked, index, realDatabase)
  const [reply] = proxyAt(after, index).replies
  if (reply === undefined) throw new Error('no answer')
  return { world: withProxy(after, index, { replies: [] }), reply }
}

function facts(reply: Reply): object {
  if (reply.kind === 'registered') return { view: seen((reply.event as { view: View }).view) }
  if (reply.kind === 'standings') return { view: seen(reply.view), standings: reply.standings }
  if (reply.kind === 'not begun') return { view: seen(reply.view), begun: false }
  if (reply.kind === 'begun') return { view: seen(reply.view), begun: true }
  return { view: seen((reply as { view: View }).view) }
}

function gathered({ standings, view }: Gathered): object {
  return { view: seen(view), standings: standings.map(({ standing }) => standing).sort() }
}

async function ask(member: Member, request: Request): Promise<object> {
  const { requests, me } = member
  switch (request.kind) {
    case 'join':
      return { view: seen((await requests.join(me, 'again', true)).view) }
    case 'look':
      return { view: seen(await requests.look(me)) }
    case 'acknowledge':
      if (request.gather === true) return gathered(await requests.acknowledgeAndGather(me, request.switch))
      return { view: seen(await requests.acknowledge(me, request.switch, request.drained)) }
    case 'begin': {
      const { refused, view } = await requests.begin(me, request.head, 60_000)
      return { view: seen(view), begun: refused === undefined }
    }
    case 'gather':
    case 'fence':
      return gathered(await requests[request.kind](me, request.switch))
    case 'close':
      return { view: seen(await requests.close(me, request.switch, request.force)) }
    default:
      throw new Error(`not asked here: ${request.kind}`)
  }
}

test(`the database does what its model does, ${ROUNDS} requests (seed ${seed})`, { timeout: 900_000 }, async () => {
  let world = firstWorld(PROXIES, 0, 0)
  for (let index = 0; index < PROXIES; index++) world = withProxy(world, index, { session: 'none', backends: [] })
  const next = random(seed)
  const pick = (count: number) => Math.floor(next() * count)
  const trail: string[] = []
  const counts: Record<string, number> = {}

  /** What was told to end has ended, there and here. */
  const settle = async () => {
    for (const [index, member] of members.entries()) {
      const { backends, migrator } = proxyAt(world, index)
      if (backends.some(({ dying }) => dying)) {
        const { session } = member
        if (session !== undefined) await waitFor(() => !open.has(session))
        member.session = undefined
        world = withProxy(world, index, { backends: [] })
      }
      if (migrator?.dying) {
        const client = member.migrator?.client
        if (client !== undefined) await waitFor(() => !open.has(client))
        member.migrator = undefined
        world = withProxy(world, index, { migrator: undefined })
      }
    }
  }

  for (let round = 0; round < ROUNDS; round++) {
    const index = pick(PROXIES)
    const member = members[index] as Member
    const number = world.switch
    const here = proxyAt(world, index)
    const choices: (() => Request | 'register' | 'leave' | 'enter' | 'commit' | 'rollback')[] = [
      () => ({ kind: 'look' }),
      () => ({ kind: 'acknowledge', switch: number, drained: next() < 0.6 }),
      () => ({ kind: 'acknowledge', switch: number, drained: true, ...(world.open ? { gather: true } : {}) }),
      () => ({ kind: 'begin', head: next() < 0.9 ? world.head : world.head + 1 }),
      () => ({ kind: 'begin', head: world.head }),
      () => (world.open ? { kind: 'gather', switch: number } : { kind: 'look' }),
      () => ({ kind: 'fence', switch: number }),
      () => ({ kind: 'close', switch: next() < 0.9 ? number : number - 1, force: next() < 0.3 }),
      () => ({ kind: 'join' }),
      () => (here.backends.length === 0 ? 'register' : 'leave'),
      () => 'enter',
      () => 'commit',
      () => 'rollback',
    ]
    const chosen = choices[pick(choices.length)]?.() ?? { kind: 'look' }
    const label = typeof chosen === 'string' ? chosen : chosen.kind
    trail.push(`${index}: ${JSON.stringify(chosen)}`)
    const explain = `after\n${trail.slice(-12).join('\n')}`
    counts[label] = (counts[label] ?? 0) + 1

    if (typeof chosen !== 'string') {
      // A request of the fence and what is gone are told in one answer: before anything has had the time to end.
      const answered = answerOfModel(world, index, chosen)
      world = answered.world
      const expected = facts(answered.reply)
      const real = await ask(member, chosen)
      if (chosen.kind === 'fence' || chosen.kind === 'join') {
        // Whether a backend that was told to end has ended already is up to the system.
        await settle()
        const gather: Request = world.open ? { kind: 'gather', switch: number } : { kind: 'look' }
        const again = answerOfModel(world, index, gather)
        expect(await ask(member, gather), explain).toEqual(facts(again.reply))
      } else expect(real, explain).toEqual(expected)
    } else if (chosen === 'register') {
      const client = await connect()
      world = withProxy(world, index, {
        backends: [{ registered: false, text: undefined, client: true, dying: false }],
      })
      const { world: after } = answerOfModel(world, index, { kind: 'register' })
      const pid = (client as unknown as { processID: number }).processID
      const { registered } = await member.requests.register(member.me, pid)
      const granted = proxyAt(after, index).backends.some((backend) => backend.registered)
      expect(registered, explain).toBe(granted)
      if (granted) {
        member.session = client
        world = after
      } else {
        await client.end()
        world = withProxy(world, index, { backends: [] })
      }
    } else if (chosen === 'leave') {
      await member.session?.end()
      const admin = await connect()
      const pid = (member.session as unknown as { processID: number }).processID
      await waitFor(async () => (await admin.query(`SELECT FROM pg_stat_activity WHERE pid = ${pid}`)).rowCount === 0)
      await admin.end()
      member.session = undefined
      world = withProxy(world, index, { backends: [] })
    } else if (chosen === 'enter' && member.migrator === undefined && number > 0) {
      const client = await connect()
      await client.query("BEGIN; SET LOCAL lock_timeout = '50ms'")
      const entered = await client.query(enterSwitch(number)).then(
        (results) => (results as unknown as pg.QueryResult[])[1]?.rows[0]?.switch_is_open === true,
        () => false,
      )
      expect(entered, explain).toBe(world.open && !world.proxies.some(hasLock))
      if (entered) {
        member.migrator = { client, base: world.head }
        const migrator = { switch: number, base: world.head, phase: 'inside', client: true, dying: false } as const
        world = withProxy(world, index, { migrator })
      } else await client.end()
    } else if ((chosen === 'commit' || chosen === 'rollback') && member.migrator !== undefined) {
      const { client } = member.migrator
      if (chosen === 'commit') await client.query('UPDATE hotswap.state SET number = number + 1')
      await client.query(chosen)
      await client.end()
      member.migrator = undefined
      world = { ...withProxy(world, index, { migrator: undefined }), head: world.head + (chosen === 'commit' ? 1 : 0) }
    }
    await settle()
  }
  // Rounds in which nothing happens prove nothing.
  expect(world.switch).toBeGreaterThan(ROUNDS / 50)
  expect(world.head).toBeGreaterThan(0)
})
