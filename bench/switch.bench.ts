import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { startEmbeddedPostgres } from '../src/cli/embedded-postgres.js'
import { startHotswap } from '../src/cli/start-hotswap.js'
import { loadConfig } from '../src/config/load-config.js'
import { createCleanup } from './cleanup.js'
import { MIGRATIONS } from './switch/migrations.js'
import { bankSchema, complaints, runBank } from './switch/run-bank.js'

/** Sixteen clients of version 1 for a minute, thirty migrations beside them: nobody may notice. */
const SECONDS = Number(process.env.HOTSWAP_SECONDS ?? 60)
const cleanup = createCleanup()
try {
  const parent = await mkdtemp(join(tmpdir(), 'pg-hotswap-bank-'))
  cleanup.add(() => rm(parent, { recursive: true, force: true }))
  await chmod(parent, 0o711)
  const server = await startEmbeddedPostgres({ directory: join(parent, 'data'), ownSignals: true })
  cleanup.add(() => server.stop())
  const direct = server.url('postgres')
  const client = new pg.Client({ connectionString: direct })
  await client.connect()
  await client.query(await bankSchema())
  await client.end()

  const config = await loadConfig({
    flags: { upstream: direct, listen: { host: '127.0.0.1', port: 0 } },
    environment: {},
  })
  if (!config.ok) throw new Error('the configuration is wrong')
  const holds: number[] = []
  const note = (fields: object, message: string) => {
    if (message !== 'switched') return
    holds.push((fields as { heldMs: number }).heldMs)
    if (process.argv.includes('--phases')) process.stdout.write(`${JSON.stringify(fields)}\n`)
  }
  const started = await startHotswap(config.value, { info: note, warn: note, debug: note })
  if (!started.ok) throw new Error(started.failure.message)
  cleanup.add(() => started.value.close({ deadlineMs: 500 }))

  const outcome = await runBank({
    ...{ url: started.value.url, direct, tellers: 16, holds: () => holds },
    pauseMs: (SECONDS * 1000) / (MIGRATIONS.length + 2),
    say: (line) => process.stdout.write(`${line}\n`),
  })
  const problems = complaints(outcome)
  process.stdout.write(`${JSON.stringify({ ...outcome, problems }, null, 2)}\n`)
  process.exitCode = problems.length === 0 ? 0 : 1
} finally {
  await cleanup.run()
}
