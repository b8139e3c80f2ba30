import { execFile } from 'node:child_process'
import { chmod, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { type EmbeddedServer, freePort, startEmbeddedPostgres } from '../../../src/cli/embedded-postgres.js'
import { waitFor } from '../../support/start-hotswap.js'

/** A PostgreSQL server that can be killed, and started again on its data. */
export interface CrashServer {
  url(database: string): string
  /** SIGKILL of the postmaster and of all its processes. */
  kill(): Promise<void>
  /** Starts it again: it recovers from its log. */
  start(): Promise<void>
  end(): Promise<void>
}

// What was committed must survive processes that die, not a machine that does.
const settings = { fsync: 'off', synchronous_commit: 'on', full_page_writes: 'off', max_connections: '300' }

const run = promisify(execFile)

export async function startCrashServer(): Promise<CrashServer> {
  const parent = await mkdtemp(join(tmpdir(), 'hotswap-crash-'))
  await chmod(parent, 0o711)
  const directory = join(parent, 'data')
  const port = await freePort()
  const start = () => startEmbeddedPostgres({ directory, port, settings, keep: true, auth: 'trust' })
  let server: EmbeddedServer | undefined = await start()
  return {
    url: (database) => `postgres://postgres:postgres@127.0.0.1:${port}/${database}`,
    async kill() {
      const postmaster = Number((await readFile(join(directory, 'postmaster.pid'), 'utf8')).split('\n')[0])
      const children = (await processes()).filter(({ parent }) => parent === postmaster).map(({ pid }) => pid)
      // The postmaster first, which would start the others again.
      for (const pid of [postmaster, ...children]) killHard(pid)
      await waitFor(async () => {
        const alive = (await processes()).map(({ pid }) => pid)
        return ![postmaster, ...children].some((pid) => alive.includes(pid))
      }, 30_000)
      await server?.stop()
      server = undefined
    },
    async start() {
      const deadline = Date.now() + 60_000
      // A process that was forked while the others died may not be gone yet: the server will not start beside it.
      while (server === undefined) {
        server = await start().catch((error: Error) => {
          if (Date.now() > deadline) throw error
          return undefined
        })
      }
    },
    async end() {
      await server?.stop()
      await rm(parent, { recursive: true, force: true })
    },
  }
}

interface Process {
  readonly pid: number
  readonly parent: number
}

/** Those that run; a process that has ended stays listed until its parent has taken note. */
async function processes(): Promise<readonly Process[]> {
  const { stdout } = await run('ps', ['-A', '-o', 'pid=,ppid=,stat='])
  const rows = stdout.split('\n').map((line) => line.trim().split(/\s+/))
  return rows.flatMap(([pid, parent, state = '']) =>
    pid === undefined || parent === undefined || state.startsWith('Z') ? [] : [{ pid: +pid, parent: +parent }],
  )
}

function killHard(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It has ended by itself.
  }
}
