import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Command } from 'commander'
import { startEmbeddedPostgres } from '../src/cli/embedded-postgres.js'
import { createCleanup } from './cleanup.js'
import { openCheckout } from './corpus/checkout.js'
import { readHistory } from './corpus/history.js'
import { projects } from './corpus/project.js'
import { replay } from './corpus/replay.js'
import { countVerdicts, formatReport } from './corpus/report.js'

/**
 * Replays a real project's migrations, and sends the statements of its older versions through the proxy after each:
 *
 *     npm run bench:corpus -- docs.rs ~/src/docs.rs --rules ~/rules/docs.rs
 */
interface Flags {
  readonly rules?: string
  readonly drafts?: string
  readonly json?: string
  readonly first?: string
  readonly jumps: string
  readonly shapes?: boolean
  readonly quick?: boolean
  readonly full?: boolean
}

const cleanup = createCleanup()

async function main(name: string, directory: string, flags: Flags): Promise<void> {
  const project = projects.find((known) => known.name === name)
  if (project === undefined) {
    throw new Error(`no project "${name}"; known are ${projects.map((known) => known.name).join(', ')}`)
  }
  const checkout = openCheckout(directory)
  cleanup.add(() => checkout.close())
  const history = (await readHistory(checkout, project)).slice(
    0,
    flags.first === undefined ? undefined : Number(flags.first),
  )
  if (history.length === 0) throw new Error(`${directory} holds no migrations of ${name}`)

  const parent = await mkdtemp(join(tmpdir(), 'pg-hotswap-corpus-'))
  cleanup.add(() => rm(parent, { recursive: true, force: true }))
  // As root the server runs as another user, who must reach its data through this folder.
  await chmod(parent, 0o711)
  const settings = {
    fsync: 'off',
    full_page_writes: 'off',
    synchronous_commit: 'off',
    max_locks_per_transaction: '1024',
  }
  const server = await startEmbeddedPostgres({ directory: join(parent, 'data'), ownSignals: true, settings })
  cleanup.add(() => server.stop())
  const report = await replay({
    project,
    history,
    server: { host: server.host, port: server.port, database: 'postgres' },
    rules: flags.rules,
    drafts: flags.drafts,
    shapes: flags.shapes === true,
    quick: flags.quick === true,
    jumps: Number(flags.jumps),
    onStep: ({ name, tried }) => {
      const { queries, same } = countVerdicts(tried)
      process.stderr.write(`${name}: ${same} of ${queries}\n`)
    },
  })
  process.stdout.write(`${formatReport(report, flags.full === true)}\n`)
  if (flags.json !== undefined) {
    // Mappings hold whole relations; what was tried is what counts.
    await writeFile(
      flags.json,
      JSON.stringify(report, (key, value) => (key === 'mapping' ? undefined : value), 1),
    )
  }
}

const program = new Command('bench:corpus')
  .argument('<project>', projects.map((known) => known.name).join(', '))
  .argument('<checkout>', 'a git checkout of it; read, never written')
  .option('--rules <folder>', 'rule files, each named as its migration')
  .option('--drafts <folder>', 'write what the hints say there, for steps without a rule file, and go by it')
  .option('--first <n>', 'only the first n migrations')
  .option('--jumps <n>', "ask every n-th version's statements at the head; 0 for none", '1')
  .option('--shapes', "ask for the tables' own shapes too")
  .option('--quick', 'ask nothing after migrations that change no relation, type or function')
  .option('--full', 'print steps that changed nothing too')
  .option('--json <file>', 'write everything there')
  .action(async (name: string, directory: string, flags: Flags) => {
    try {
      await main(name, directory, flags)
    } catch (error) {
      process.exitCode = 1
      process.stderr.write(`${(error as Error).stack}\n`)
    }
    await cleanup.run()
  })
await program.parseAsync()
