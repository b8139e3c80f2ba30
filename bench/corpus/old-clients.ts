import { createHoldGate } from '../../src/proxy/hold-gate.js'
import { startProxy } from '../../src/proxy/listener.js'
import type { Generation, Step, Version } from '../../src/rewrite/generation.js'
import type { Outcome } from '../../src/rewrite/outcome.js'
import { createRewriter } from '../../src/rewrite/rewriter.js'
import { fromByteString, toByteString } from '../../src/sql/byte-string.js'
import type { Parser } from '../../src/sql/parse.js'
import type { CorpusQuery } from './project.js'
import { type Answer, connectStatements } from './statement-client.js'

/** One statement's answer through the proxy. */
export interface AskedStatement {
  readonly answer: Answer
  /** The proxy refused it; the server was not asked. */
  readonly refused: boolean
  /** What was sent in its place; undefined where it was sent as it is. */
  readonly sent: string | undefined
}

/** Clients of older versions, through a proxy in this process. */
export interface OldClients {
  /** Puts the versions and steps, as they are now, in force. */
  publish(): void
  ask(version: string, queries: readonly CorpusQuery[]): Promise<readonly AskedStatement[]>
  close(): Promise<void>
}

export interface OldClientsOptions {
  readonly server: { readonly host: string; readonly port: number; readonly database: string }
  /** Grows as migrations run; so does `steps`. */
  readonly versions: readonly Version[]
  readonly steps: readonly Step[]
  readonly parser: Parser
}

export async function openOldClients({ server, versions, steps, parser }: OldClientsOptions): Promise<OldClients> {
  const outcomes = new Map<string, Outcome>()
  let number = 0
  const activate = () => {
    number += 1
    const generation: Generation = { number, versions: [...versions], steps: [...steps] }
    const rewriter = createRewriter(generation, {
      parser,
      onBug: (error, text) => complain('bug', { error: (error as Error).stack, text }),
    })
    return {
      generation,
      rewriter: {
        ...rewriter,
        rewrite(request: Parameters<typeof rewriter.rewrite>[0]) {
          const outcome = rewriter.rewrite(request)
          outcomes.set(request.text, outcome)
          return outcome
        },
      },
    }
  }
  let active = activate()
  const proxy = await startProxy({
    listen: { host: '127.0.0.1', port: 0 },
    upstream: { host: server.host, port: server.port },
    database: server.database,
    generations: { current: () => active },
    gate: createHoldGate(),
    chooseVersion: ({ requestedVersion }) => ({ version: requestedVersion ?? '' }),
    log: { info: () => undefined, debug: () => undefined, warn: (fields, message) => complain(message, fields) },
  })
  return {
    publish() {
      active = activate()
    },
    async ask(version, queries) {
      outcomes.clear()
      const startup = { options: `-c hotswap.version=${version}` }
      const client = await connectStatements({ ...server, port: proxy.port, startup })
      const answers = await client.describeAll(queries)
      await client.end()
      return queries.map(({ sql }, index): AskedStatement => {
        const outcome = outcomes.get(toByteString(sql))
        const answer = answers[index]
        if (answer === undefined) throw new Error('a statement without an answer')
        return {
          answer,
          refused: outcome?.kind === 'refused',
          sent: outcome?.kind === 'rewritten' ? fromByteString(outcome.text) : undefined,
        }
      })
    },
    close: () => proxy.close({ deadlineMs: 1000 }),
  }
}

function complain(message: string, fields: object): void {
  process.stderr.write(`${message}: ${Object.values(fields).map(String).join('\n  ')}\n`)
}
