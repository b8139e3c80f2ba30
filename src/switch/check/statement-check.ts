import type { Buffer } from 'node:buffer'
import type { TextQuery } from '../../catalog/introspect.js'
import type { ActiveGeneration, ProxyLog, SpeakingSession } from '../../proxy/contracts.js'
import type { Generation } from '../../rewrite/generation.js'
import type { Rewriter } from '../../rewrite/outcome.js'
import type { Parser } from '../../sql/parse.js'
import { createStepCheck, type StepCheck } from './check-step.js'
import { connectDescriber } from './describer.js'
import { createRecordedStatements, type RecordedStatement } from './recorded-statements.js'
import { loadStatements, saveStatements } from './tables.js'

export interface StatementCheckOptions {
  readonly parser: Parser
  /** The control connection. */
  readonly query: TextQuery
  /** Its URL: old descriptions are asked for on a connection of their own. */
  readonly url: string
  /** Statements are shared with other proxies, and outlive this one, by schema hotswap. */
  readonly stored: boolean
  readonly current: () => ActiveGeneration
  readonly createRewriter: (generation: Generation) => Rewriter
  /** True where somebody may speak a version of which no statement was recorded. */
  readonly isSpoken: (version: string) => boolean
  readonly log: ProxyLog
}

/** Records what live sessions send, and checks migrations against it. */
export interface StatementCheck extends StepCheck {
  note(session: SpeakingSession, text: string, types: Buffer | undefined): void
  /** What is known here, without asking the database. */
  statements(): readonly RecordedStatement[]
  /** Writes what was recorded; where that fails, the log says so. */
  flush(): Promise<void>
}

const CONNECT_MS = 5_000

export function createStatementCheck(options: StatementCheckOptions): StatementCheck {
  const { parser, query, url, stored, log } = options
  const recorded = createRecordedStatements({ parser })
  const save = async () => {
    recorded.settle()
    if (stored) await saveStatements(query, recorded.all())
  }
  const check = createStepCheck({
    connect: () => connectDescriber({ url, applicationName: 'pg-hotswap check', connectMs: CONNECT_MS }),
    async recorded() {
      await save()
      if (stored) recorded.merge(await loadStatements(query))
      return recorded.all()
    },
    current: options.current,
    createRewriter: options.createRewriter,
    isSpoken: options.isSpoken,
  })
  return {
    prepare: () => check.prepare(),
    note: (session, text, types) => recorded.note(session, text, types),
    statements: () => recorded.all(),
    flush: () =>
      save().catch((error: unknown) => log.warn({ error: String(error) }, 'recorded statements could not be written')),
  }
}
