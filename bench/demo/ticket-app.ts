import pg from 'pg'
import { createLatencyLog, type LatencySummary } from './latency.js'
import { createDesk, type Desk, type DeskTotals, WrongAnswer } from './ticket-desk.js'

/** What the app tells while it runs. */
export interface AppProgress {
  readonly kind: 'progress'
  readonly queries: number
  readonly failed: number
}

/** What the app tells when it has stopped. */
export interface AppReport {
  readonly kind: 'report'
  readonly queries: number
  readonly failed: number
  readonly wrong: number
  /** The first few, in words. */
  readonly failures: readonly string[]
  /** Connections that were opened over the whole run. */
  readonly connections: number
  readonly totals: DeskTotals
  readonly before: LatencySummary
  readonly during: LatencySummary
  readonly after: LatencySummary
}

/** Ends the work. The times bound what counts as `during`, in milliseconds since the epoch. */
export interface AppStop {
  readonly from: number
  readonly to: number
}

const DESKS = 8
const PROGRESS_MS = 250
const WARM_UP_MS = 500

/** The ticket app: a process of its own that knows DATABASE_URL and version 1 of the schema. */
function runApp(url: string, tell: (message: AppProgress | AppReport) => void): (stop: AppStop) => void {
  const pool = new pg.Pool({ connectionString: url, max: DESKS, idleTimeoutMillis: 0 })
  const latencies = createLatencyLog()
  const failures: string[] = []
  let failed = 0
  let wrong = 0
  let connections = 0
  let stopping = false
  pool.on('connect', () => {
    connections += 1
  })
  const timed = async <T>(work: () => Promise<T>): Promise<T> => {
    const began = performance.now()
    try {
      return await work()
    } finally {
      latencies.add(began, performance.now())
    }
  }
  const fail = (error: unknown) => {
    if (error instanceof WrongAnswer) wrong += 1
    else failed += 1
    if (failures.length < 5) failures.push(String(error))
  }
  // Errors of idle connections reach only the pool.
  pool.on('error', fail)

  // What a desk believes is no longer true after a failure: it stops, and the demo has failed.
  const runDesk = async (desk: Desk) => {
    try {
      while (!stopping) await desk.work()
    } catch (error) {
      fail(error)
    }
  }
  const began = performance.now()
  const desks = Array.from({ length: DESKS }, (_, author) => createDesk(pool, author, timed))
  const work = Promise.all(desks.map(runDesk))
  const progress = setInterval(
    () => tell({ kind: 'progress', queries: latencies.count, failed: failed + wrong }),
    PROGRESS_MS,
  )

  return async (during) => {
    stopping = true
    await work
    clearInterval(progress)
    await pool.end()
    const [from, to] = [during.from - performance.timeOrigin, during.to - performance.timeOrigin]
    const totals = desks.map((desk) => desk.totals())
    tell({
      kind: 'report',
      queries: latencies.count,
      failed,
      wrong,
      failures,
      connections,
      totals: {
        tickets: totals.reduce((sum, { tickets }) => sum + tickets, 0),
        comments: totals.reduce((sum, { comments }) => sum + comments, 0),
      },
      before: latencies.between(began + WARM_UP_MS, from),
      during: latencies.between(from, to),
      after: latencies.between(to, Number.POSITIVE_INFINITY),
    })
  }
}

const stop = runApp(process.env.DATABASE_URL ?? '', (message) => process.send?.(message))
process.on('message', (message: AppStop) => stop(message))
process.on('disconnect', () => process.exit(1))
