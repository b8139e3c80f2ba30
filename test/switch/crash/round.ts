import { SWITCH_POINTS, type SwitchPoint } from '../../../src/switch/switch-point.js'
import { waitFor } from '../../support/start-hotswap.js'
import { allWork, COME_RIGHT_MS, comeRight, hasShape, readStored } from './agree.js'
import { type BankMigration, type Kind, makeMigration } from './bank-migrations.js'
import { isConnectionError } from './connection-error.js'
import { type Migrator, startMigrator, type Way } from './migrator.js'
import { ask, type Site, type World } from './world.js'

/**
 * Who dies. `backend`: the migrators' server processes, whereupon PostgreSQL ends all others and recovers by itself;
 * `session`: the same, ended in order; `machine`: proxies and PostgreSQL at once.
 */
export const VICTIMS = ['proxy', 'migrator', 'postgres', 'backend', 'session', 'machine'] as const

export type Victim = (typeof VICTIMS)[number]

/** Where the switch of one world is when it happens. */
export interface Scene {
  readonly point: SwitchPoint
  readonly way: Way
  readonly kind: Kind
  /** How the socket of a migrator that dies looks. */
  readonly how: 'close' | 'reset'
  /** The switch goes on before the proxy can have noticed. */
  readonly blind: boolean
}

export function describeScene({ point, way, kind, how, blind }: Scene): string {
  return `at "${point}" of ${way} (${kind}, ${how}${blind ? ', blind' : ''})`
}

const isPast = (point: SwitchPoint, other: SwitchPoint) => SWITCH_POINTS.indexOf(point) >= SWITCH_POINTS.indexOf(other)

/** Whether the step stands after the crash; `either` where both are right. */
function expected(victim: Victim, { point, way }: Scene): 'stands' | 'undone' | 'either' {
  if (isPast(point, 'committed')) return 'stands'
  // Its COMMIT, or its whole file, was sent: it may have taken place, as when an answer is lost.
  if (victim === 'migrator') return way === 'migrate' || isPast(point, 'ran') ? 'either' : 'undone'
  return 'undone'
}

/** A world whose switch has come to its point. */
interface Act {
  readonly world: World
  readonly scene: Scene
  readonly migration: BankMigration
  readonly migrator: Migrator
  /** Connections that the app had lost before. */
  readonly outages: number
}

/**
 * One crash of all worlds, each at its scene, and the same migrations once more; what can die alone does. Throws what is wrong, with the scene and what
 * was told of it. Gives what became of each step.
 */
export async function runRound(
  site: Site,
  victim: Victim,
  scenes: readonly (readonly [World, Scene])[],
): Promise<readonly string[]> {
  const prepare = ([world, scene]: readonly [World, Scene]) => told(victim, world, scene, () => begin(world, scene))
  const finish = (act: Act) => told(victim, act.world, act.scene, () => settle(victim, act))
  if (victim === 'migrator' || victim === 'session') {
    // It dies alone: nobody is held until the others have come to their points.
    const alone = async (one: readonly [World, Scene]) => {
      const act = await prepare(one)
      await strike(site, victim, [act])
      return await finish(act)
    }
    return await someAtOnce(scenes, alone)
  }
  const acts = await Promise.all(scenes.map(prepare))
  await strike(site, victim, acts)
  return await someAtOnce(acts, finish)
}

/** Three at a time: more would make each other's switches hold traffic for longer than they may. */
async function someAtOnce<T, R>(items: readonly T[], task: (item: T) => Promise<R>): Promise<readonly R[]> {
  const results: R[] = []
  const queue = [...items.entries()]
  const work = async () => {
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) results[next[0]] = await task(next[1])
  }
  await Promise.all([work(), work(), work()])
  return results
}

/** Adds to an error what there is to know. */
async function told<T>(victim: Victim, world: World, scene: Scene, task: () => Promise<T>): Promise<T> {
  try {
    const result = await task()
    if (world.app.failures.length > 0) throw new Error('the app failed')
    return result
  } catch (error) {
    // What it says, it says after all of its log.
    await world.proxy.facts().catch(() => undefined)
    const app = [...world.app.failures.slice(0, 10), ...world.app.lost.slice(-5)].join('\n')
    const log = world.proxy.log.slice(-40).join('\n')
    throw new Error(`${victim} ${describeScene(scene)}: ${String(error)}\n\nThe app:\n${app}\n\nThe proxy:\n${log}`)
  }
}

async function begin(world: World, scene: Scene): Promise<Act> {
  const { app, proxy } = world
  const migration = makeMigration(scene.kind, ++world.made, world.shape)
  const { outages } = app
  for (let tries = 1; ; tries++) {
    proxy.stopAt(scene.point)
    const migrator = startMigrator(proxy.url, scene.way, migration)
    await waitFor(() => proxy.stopped || migrator.over, COME_RIGHT_MS)
    if (proxy.stopped) return { world, scene, migration, migrator, outages }
    const error = await migrator.outcome
    if (!gaveWay(error) || tries === TRIES) throw new Error(`it was over before: ${String(error ?? 'it took place')}`)
  }
}

/** How often a migration is begun that gives way because the machine is busy: it holds the app no longer than it may. */
const TRIES = 5

const gaveWay = (error: Error | undefined) => ['57014', '55P03'].includes((error as { code?: string })?.code ?? '')

async function strike({ server, proxies }: Site, victim: Victim, acts: readonly Act[]): Promise<void> {
  const goOn = (blind: boolean) => {
    for (const { world, scene } of acts) if (scene.blind === blind) world.proxy.goOn()
  }
  const restart = () => Promise.all(acts.map(({ world }) => world.restart()))
  switch (victim) {
    case 'proxy':
      await proxies.kill()
      await restart()
      return
    case 'machine':
      await Promise.all([proxies.kill(), server.kill()])
      await server.start()
      await restart()
      return
    case 'postgres':
      await server.kill()
      goOn(true)
      await server.start()
      goOn(false)
      return
    case 'migrator':
      for (const { migrator, scene } of acts) migrator.cut(scene.how)
      goOn(true)
      await Promise.all(acts.map(noticed))
      goOn(false)
      return
    case 'backend':
    case 'session': {
      const backends = await Promise.all(
        acts.map(async (act) => ({ ...act, pids: (await migratorsOf(act)).flatMap(({ pid }) => pid ?? []) })),
      )
      for (const { world, pids } of backends) {
        if (pids.length !== 1) throw new Error(`${pids.length} sessions of migrators`)
        if (victim === 'session') await ask(world.direct, `SELECT pg_terminate_backend(${pids[0]}, 30000)`)
        else process.kill(pids[0] ?? 0, 'SIGKILL')
      }
      goOn(true)
      await Promise.all(acts.map(noticed))
      goOn(false)
    }
  }
}

async function migratorsOf({ world, scene }: Act) {
  const kind = scene.way === 'migrate' ? 'migrator' : 'tool'
  return (await world.proxy.facts()).sessions.filter((session) => session.kind === kind)
}

/** The proxy has no session of the migrator any more. */
async function noticed(act: Act): Promise<void> {
  await waitFor(async () => (await migratorsOf(act)).length === 0, COME_RIGHT_MS)
}

async function settle(victim: Victim, act: Act): Promise<string> {
  const { world, scene, migration, migrator, outages } = act
  await waitFor(() => migrator.over, COME_RIGHT_MS)
  const error = await migrator.outcome
  if (error !== undefined && !isConnectionError(error)) throw error
  await waitFor(() => isUp(world), COME_RIGHT_MS)
  await allWork(world)
  if (world.app.outages > outages && (victim === 'migrator' || victim === 'session'))
    throw new Error('the app lost connections')
  const stands = await readOutcome(world, migration)
  const wanted = expected(victim, scene)
  const became = stands ? 'stands' : 'undone'
  if (wanted !== 'either' && wanted !== became) throw new Error(`the step ${became}, wanted: ${wanted}`)
  if (error === undefined && !stands) throw new Error('the migrator was told that the step stands; it does not')
  if (stands) note(world, scene.way, migration)
  await comeRight(world)
  await again(world, scene.way, migration, stands)
  return became
}

const isUp = ({ direct }: World) =>
  ask(direct, 'SELECT 1').then(
    () => true,
    () => false,
  )

function note(world: World, way: Way, { name, after }: BankMigration): void {
  world.steps.push(name)
  if (way === 'tool') world.ledger.push(name)
  world.shape = after
}

/** Whether the step took place, when nothing is under way any more. */
async function readOutcome({ direct, shape }: World, { name, after }: BankMigration): Promise<boolean> {
  // The server may not have noticed that a proxy is gone.
  await waitFor(async () => {
    const [row] = await ask(
      direct,
      `SELECT count(*)::integer AS n FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND database = (
         SELECT oid FROM pg_database WHERE datname = current_database())`,
    )
    return row?.n === 0
  }, COME_RIGHT_MS)
  const stored = await readStored(direct)
  const stands = stored.steps.includes(name)
  if (hasShape(stored, stands ? after : shape)) return stands
  const is = JSON.stringify(stored.accounts)
  throw new Error(`the store ${stands ? 'has' : 'does not have'} ${name}, and the schema is ${is}`)
}

/** The same migration once more, without a crash: it takes place, or is known to have done so. */
async function again(world: World, way: Way, migration: BankMigration, stands: boolean): Promise<void> {
  const { app } = world
  const { outages } = app
  // A tool does not run what its ledger has.
  if (stands && way === 'tool') return
  let error = await startMigrator(world.proxy.url, way, migration).outcome
  for (let tries = 1; gaveWay(error) && tries < TRIES; tries++)
    error = await startMigrator(world.proxy.url, way, migration).outcome
  const code = (error as { code?: string } | undefined)?.code
  if (code !== (stands ? '42710' : undefined)) throw new Error(`once more: ${code ?? ''} ${String(error)}`)
  if (!stands) {
    note(world, way, migration)
    await comeRight(world)
  }
  if (app.outages > outages) throw new Error('the app lost connections afterwards')
}
