import type { Blocker } from '../../proxy/contracts.js'
import { asciiLiteral } from '../store/sql-literal.js'
import type { Standing, View } from './protocol.js'
import { decodeSpoken, type SpokenVersions } from './spoken-versions.js'

type Row = readonly (string | null)[]

/** Runs SQL on the fleet connection; gives the rows of each statement, as text. */
export type FleetQuery = (sql: string) => Promise<readonly (readonly Row[])[]>

/** Why a proxy does not drain. */
export interface Blocked {
  readonly reason: string
  readonly blockers: readonly Blocker[]
  /** Backends that transactions under way wait for. */
  readonly waitedFor: readonly number[]
}

export interface NamedStanding {
  readonly name: string
  readonly standing: Standing
  /** It has its connection to the fleet. */
  readonly connected: boolean
  readonly blocked: Blocked | undefined
}

/** A proxy of the fleet, as `status` shows it. */
export interface FleetMember {
  /** Its number. */
  readonly proxy: number
  readonly name: string
  /** It has its connection to the fleet. */
  readonly connected: boolean
  /** `held`: its traffic waits. `gone`: it has neither a connection nor sessions. */
  readonly standing: 'serving' | 'held' | 'fenced' | 'gone'
  /** Undefined where it has sessions and does not say what they speak. */
  readonly speaks: SpokenVersions | undefined
}

/** A view, with what only the server's clock tells. */
export interface TimedView extends View {
  /** Milliseconds until the open switch has had its time. */
  readonly leftMs: number
}

/** What a proxy tells with its acknowledgement on channel `hotswap`: of interest to a coordinator that gathers, and nobody else. */
export const ACKNOWLEDGED = 'acknowledged'

/** The requests of the protocol in SQL (tables.ts, identity-tables.ts). `me` is the proxy's number. */
export interface Requests {
  /** `me` is 0 to begin with. `anew`: its sessions have ended, so that it may be made another one. */
  join(me: number, name: string, anew: boolean): Promise<{ readonly me: number; readonly view: TimedView }>
  look(me: number): Promise<TimedView>
  acknowledge(me: number, number: number, drained: boolean, blocked?: Blocked): Promise<TimedView>
  /** Acknowledges that this proxy is drained, and gathers, in one request. */
  acknowledgeAndGather(me: number, number: number): Promise<Gathered>
  /** `refused`: why not. The switch has `ms` milliseconds. */
  begin(
    me: number,
    head: number,
    ms: number,
  ): Promise<{ readonly refused: string | undefined; readonly view: TimedView }>
  gather(me: number, number: number): Promise<Gathered>
  /** `ended`: false where a backend may not be ended by this role. */
  fence(me: number, number: number): Promise<Gathered & { readonly ended: boolean }>
  close(me: number, number: number, force: boolean): Promise<TimedView>
  register(me: number, pid: number): Promise<{ readonly registered: boolean; readonly view: TimedView }>
  forget(me: number, pids: readonly number[]): Promise<void>
  /** No session of any proxy has the backend that was registered. */
  taken(pid: number): Promise<void>
  /** Those of its registered backends that live; of `lent` those that a pooler has not reset since. */
  living(me: number, pids: readonly number[], lent: readonly number[]): Promise<readonly number[]>
  /** Tells the others what is spoken here; `retired`: those versions of it that are, undefined where it could not be told. */
  speak(
    me: number,
    spoken: string,
  ): Promise<{ readonly retired: readonly string[] | undefined; readonly view: TimedView }>
  members(): Promise<readonly FleetMember[]>
  /** Lets the other proxies look at once; `payload` is what they are told besides. */
  notify(payload: string): Promise<void>
  /** Takes this proxy's row away, unless a backend of its sessions lives still. */
  leave(me: number): Promise<void>
  /** Lets the server load and plan what traffic will wait for. */
  rehearse(): Promise<void>
}

export interface Gathered {
  readonly standings: readonly NamedStanding[]
  readonly view: TimedView
}

/** `token` is the proxy's own, for as long as it runs. */
export function createRequests(query: FleetQuery, token: string): Requests {
  const own = asciiLiteral(token)
  const viewOf = (me: number) => `SELECT * FROM hotswap.fleet_view(${me}, ${own})`
  const acknowledgeOf = (me: number, number: number, drained: boolean, why = 'NULL') =>
    `SELECT hotswap.fleet_acknowledge(${me}, ${own}, ${number}, ${drained}, ${why})`
  const isOwn = (me: number) => `EXISTS (SELECT FROM hotswap.proxy o WHERE o.id = ${me} AND o.token = ${own})`
  /** One request, and what is to be seen after it. */
  const ask = async (me: number, sql: string) => {
    const [answer = [], view = []] = await query(`${sql}; ${viewOf(me)}`)
    return { answer, value: answer[0]?.[0] ?? undefined, view: decodeView(view[0]) }
  }
  return {
    async join(me, name, anew) {
      const [joined] = await query(`SELECT hotswap.fleet_join(${me}, ${own}, ${asciiLiteral(name)}, ${anew})`)
      const id = Number(joined?.[0]?.[0])
      const [view] = await query(viewOf(id))
      return { me: id, view: decodeView(view?.[0]) }
    },
    look: async (me) => decodeView((await query(viewOf(me)))[0]?.[0]),
    async acknowledge(me, number, drained, blocked) {
      const why = blocked === undefined ? undefined : asciiLiteral(JSON.stringify(blocked))
      return (await ask(me, acknowledgeOf(me, number, drained, why))).view
    },
    async acknowledgeAndGather(me, number) {
      const sql = `${acknowledgeOf(me, number, true)}; ${standingsOf(number)}; ${viewOf(me)}`
      const [, standings = [], view] = await query(sql)
      return { standings: standings.map(decodeStanding), view: decodeView(view?.[0]) }
    },
    async begin(me, head, ms) {
      const { value, view } = await ask(me, `SELECT hotswap.fleet_begin(${me}, ${own}, ${head}, ${Math.ceil(ms)})`)
      return { refused: value, view }
    },
    async gather(me, number) {
      const { answer, view } = await ask(me, standingsOf(number))
      return { standings: answer.map(decodeStanding), view }
    },
    async fence(me, number) {
      const [fenced, standings = [], view] = await query(
        `SELECT hotswap.fleet_fence(${number}); ${standingsOf(number)}; ${viewOf(me)}`,
      )
      return {
        ended: fenced?.[0]?.[0] === 't',
        standings: standings.map(decodeStanding),
        view: decodeView(view?.[0]),
      }
    },
    close: async (me, number, force) => (await ask(me, `SELECT hotswap.fleet_close(${number}, ${force})`)).view,
    async register(me, pid) {
      const { value, view } = await ask(me, `SELECT hotswap.fleet_register(${me}, ${own}, ${Math.trunc(pid)})`)
      return { registered: value === 't', view }
    },
    async forget(me, pids) {
      await query(`DELETE FROM hotswap.backend WHERE proxy = ${me} AND pid IN (${pids.join(', ')}) AND ${isOwn(me)}`)
    },
    async taken(pid) {
      await query(`DELETE FROM hotswap.backend WHERE pid = ${pid}`)
    },
    async living(me, pids, lent) {
      const [rows = []] = await query(
        `SELECT b.pid FROM hotswap.backend b
         WHERE ${isOwn(me)} AND b.proxy = ${me} AND b.pid IN (${pids.join(', ')}) AND hotswap.lives(b.pid, b.backend_start)
           AND NOT EXISTS (
             SELECT FROM pg_catalog.pg_stat_activity a
             WHERE a.pid = b.pid AND a.pid = ANY ('{${lent.join(', ')}}'::int[]) AND a.backend_start = b.backend_start
               AND a.state = 'idle' AND a.query ~* '^\\s*discard\\s+all[\\s;]*$')`,
      )
      return rows.map(([pid]) => Number(pid))
    },
    async speak(me, spoken) {
      const { value, view } = await ask(me, `SELECT hotswap.fleet_speak(${me}, ${own}, ${asciiLiteral(spoken)})`)
      return { retired: value === undefined ? undefined : (JSON.parse(value) as string[]), view }
    },
    async members() {
      const [rows = []] = await query('SELECT * FROM hotswap.fleet_members()')
      return rows.map(decodeMember)
    },
    async notify(payload) {
      await query(`SELECT pg_catalog.pg_notify('hotswap', ${asciiLiteral(payload)})`)
    },
    async leave(me) {
      // What its clients left behind may go on: then the next switch fences it.
      await query(
        `DELETE FROM hotswap.proxy p WHERE p.id = ${me} AND p.token = ${own} AND NOT p.fenced AND NOT EXISTS (
           SELECT FROM hotswap.backend b WHERE b.proxy = p.id AND hotswap.lives(b.pid, b.backend_start))`,
      )
    },
    async rehearse() {
      // No proxy has this number, and no switch.
      const sql = `BEGIN; ${acknowledgeOf(0, 0, true)}; ${standingsOf(0)}; ${viewOf(0)}; ROLLBACK`
      // What fails here is told where it is asked in earnest: a rehearsal costs nobody the connection.
      await query(sql).catch(() => query('ROLLBACK'))
    },
  }
}

function standingsOf(number: number): string {
  return `SELECT * FROM hotswap.fleet_standings(${number})`
}

function decodeStanding([name, standing, connected, blocked]: Row): NamedStanding {
  return {
    name: name ?? '',
    standing: standing as Standing,
    connected: connected === 't',
    blocked: blocked == null ? undefined : (JSON.parse(blocked) as Blocked),
  }
}

function decodeMember([proxy, name, connected, standing, speaks]: Row): FleetMember {
  return {
    proxy: Number(proxy),
    name: name ?? '',
    connected: connected === 't',
    standing: standing as FleetMember['standing'],
    speaks: speaks == null ? undefined : decodeSpoken(speaks),
  }
}

function decodeView(row: Row | undefined): TimedView {
  if (row === undefined) throw new Error('the version store is empty')
  const [head, last, open, mine, orphaned, fenced, leftMs] = row
  return {
    head: Number(head),
    switch: Number(last),
    open: open === 't',
    mine: mine === 't',
    orphaned: orphaned === 't',
    fenced: fenced === 't',
    leftMs: Number(leftMs ?? 0),
  }
}
