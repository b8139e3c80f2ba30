import pg from 'pg'
import { createTeller, WrongAnswer } from './teller.js'

/** What the app tells when it has stopped. */
export interface BankReport {
  readonly kind: 'report'
  /** Transactions and single statements, each checked. */
  readonly done: number
  readonly failed: number
  readonly wrong: number
  /** The first few, in words. */
  readonly failures: readonly string[]
  readonly transfers: number
  /** Milliseconds of the longest piece of work. */
  readonly longestMs: number
}

// The running app: DATABASE_URL and the number of its clients are all that it is given.
const tellers = Number(process.argv[2] ?? 16)
let stopping = false
let done = 0
let failed = 0
let wrong = 0
let longestMs = 0
const failures: string[] = []

async function serve(number: number): Promise<number> {
  const client = new pg.Client({
    connectionString: process.env.DATABASE_URL ?? '',
    application_name: `teller-${number}`,
  })
  client.on('error', (error) => failures.push(String(error)))
  await client.connect()
  const teller = createTeller(client, number, tellers)
  while (!stopping) {
    const began = performance.now()
    try {
      await teller.work()
      done++
    } catch (error) {
      if (error instanceof WrongAnswer) wrong++
      else failed++
      const { code } = error as { code?: string }
      if (failures.length < 10) failures.push(`teller ${number}: ${code ?? ''} ${String(error)}`)
      await client.query('ROLLBACK').catch(() => undefined)
      if (code === undefined && !(error instanceof WrongAnswer)) break
    }
    longestMs = Math.max(longestMs, performance.now() - began)
  }
  await client.end().catch(() => undefined)
  return teller.transfers
}

process.on('message', () => {
  stopping = true
})
process.on('disconnect', () => process.exit(1))
const progress = setInterval(() => process.send?.({ kind: 'progress', done }), 100)
const transfers = await Promise.all(Array.from({ length: tellers }, (_, number) => serve(number)))
clearInterval(progress)
const report: BankReport = {
  kind: 'report',
  ...{ done, failed, wrong, failures },
  transfers: transfers.reduce((sum, count) => sum + count, 0),
  longestMs: Math.round(longestMs),
}
process.send?.(report, () => process.disconnect())
process.removeAllListeners('disconnect')
