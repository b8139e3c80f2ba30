import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { SWITCH_POINTS } from '../../../src/switch/switch-point.js'
import { KINDS } from './bank-migrations.js'
import { WAYS } from './migrator.js'
import { describeScene, runRound, type Scene, VICTIMS, type Victim } from './round.js'
import { makeSite, makeWorld, type Site, type World } from './world.js'

const long = process.env.HOTSWAP_LONG === '1'
let site: Site
beforeAll(async () => {
  site = await makeSite()
})
afterAll(() => site?.end())

const everyPoint = WAYS.flatMap((way) => SWITCH_POINTS.map((point) => ({ way, point })))

describe('every point of a switch, by `migrate` and by a tool, each in a database of its own', () => {
  let worlds: readonly World[] = []
  beforeAll(async () => {
    worlds = await Promise.all(everyPoint.map((_, i) => makeWorld(site, `point_${i}`, { tellers: 2, thinkMs: 30 })))
  })
  const crash = async (victim: Victim, shift: number) => {
    const scenes = everyPoint.map(({ way, point }, i): Scene => {
      const kind = KINDS[(i + shift) % KINDS.length] ?? 'swap'
      const how = i % 2 === 0 ? 'close' : 'reset'
      return { point, way, how, blind: false, kind: way === 'tool' && kind === 'rules' ? 'type' : kind }
    })
    await runRound(
      site,
      victim,
      worlds.map((world, i) => [world, scenes[i] as Scene]),
    )
  }

  test(
    'a migrator that is killed: store, schema and proxy agree, and no client of the app loses its connection',
    () => crash('migrator', 0),
    120_000,
  )
  test(
    'PostgreSQL is killed: store, schema and proxy agree, and the proxy serves again',
    () => crash('postgres', 1),
    120_000,
  )
  test('a proxy that is killed: store, schema and the next proxy agree', () => crash('proxy', 2), 120_000)
  test('the bank is whole: what was committed is there, what was not is not, what is in doubt is there or not at all', async () => {
    expect((await Promise.all(worlds.map((world) => world.end()))).flat()).toEqual([])
  })
})

describe.runIf(long)('random crashes', () => {
  const seed = Number(process.env.HOTSWAP_SEED ?? Date.now() % 1_000_000)
  const count = Number(process.env.HOTSWAP_ROUNDS ?? 300)
  test(`${count} of seed ${seed}`, async () => {
    const next = randomNumbers(seed)
    const pick = <T>(list: readonly T[]) => list[Math.floor(next() * list.length)] as T
    const makeScene = (): Scene => {
      const way = pick(WAYS)
      const kind = pick(way === 'tool' ? KINDS.filter((one) => one !== 'rules') : KINDS)
      return { way, kind, point: pick(SWITCH_POINTS), how: pick(['close', 'reset'] as const), blind: next() < 0.5 }
    }
    const together = 5
    // Each step makes the next one a little dearer: new worlds now and then.
    for (let done = 0; done < count; ) {
      const worlds = await Promise.all(
        Array.from({ length: together }, (_, i) => makeWorld(site, `random_${done}_${i}`, { tellers: 3, thinkMs: 5 })),
      )
      for (let turn = 0; turn < 6 && done < count; turn++, done += together) {
        const victim = pick(VICTIMS)
        const scenes = worlds.map((world) => [world, makeScene()] as const)
        const began = performance.now()
        const became = await runRound(site, victim, scenes)
        const ms = Math.round(performance.now() - began)
        const lines = scenes.map(([, scene], i) => `  ${describeScene(scene)}: ${became[i]}`)
        console.log([`${done} of seed ${seed}: ${victim}, ${ms} ms`, ...lines].join('\n'))
      }
      expect((await Promise.all(worlds.map((world) => world.end()))).flat()).toEqual([])
      await site.proxies.kill()
    }
  }, 7_200_000)
})

/** Numbers from 0 to 1 that a seed gives again (mulberry32). */
function randomNumbers(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}
