import type { Catalog } from '../catalog/catalog.js'
import { readFingerprint } from '../catalog/fingerprint.js'
import { introspect, type TextQuery } from '../catalog/introspect.js'
import type { DeclaredVersions, DeclareOptions } from '../config/declare.js'
import type { Checked } from '../config/problem.js'
import { formatProblem } from '../config/problem.js'
import type { RuleFile } from '../config/rule-file.js'
import type { TypeTable } from '../config/rule-server.js'
import type { ActiveGeneration, GenerationSource, ProxyLog } from '../proxy/contracts.js'
import type { Generation } from '../rewrite/generation.js'
import type { Rewriter } from '../rewrite/outcome.js'
import type { Parser } from '../sql/parse.js'
import { checkCasts } from './casts.js'
import { checkInserts, tryOn } from './check-inserts.js'
import { createExclusive } from './exclusive.js'
import { type AppliedStep, planVersions } from './plan-versions.js'
import { createRuleServer } from './rule-server.js'

export interface VersionSourceOptions {
  /** The control connection. */
  readonly query: TextQuery
  readonly parser: Parser
  /** Reads the rule files as they are now. */
  readonly readRules: () => Promise<Checked<readonly RuleFile[]>>
  readonly createRewriter: (generation: Generation) => Rewriter
  /** Milliseconds between two looks at the database; 0 for none. */
  readonly pollMs: number
  readonly log: ProxyLog
}

/** What a switch needs while nobody else changes the generation. */
export interface SwitchAccess {
  /** The newest version's catalog, as last seen. */
  readonly head: Catalog
  readonly armed: readonly RuleFile[]
  /** What the types that rules give are. */
  types(files: readonly RuleFile[]): Promise<TypeTable>
  /** What the versions would be after one more applied step. */
  plan(head: Catalog, step: AppliedStep): Promise<Checked<DeclaredVersions>>
  /** Puts planned versions in force. `fingerprint` is that of the head. */
  publish(planned: DeclaredVersions, step: AppliedStep, fingerprint: string): Generation
}

/** The versions in force: declared by rule files, and added to by migrations that ran through this proxy. */
export interface VersionSource extends GenerationSource {
  /** True where the database, looked at now, gave another generation. Waits for no switch, and never rejects. */
  refresh(): Promise<boolean>
  /** Reads the rule files again; where anything is wrong with them, the old generation stays in force. */
  reload(): Promise<Checked<DeclaredVersions>>
  readonly armed: readonly RuleFile[]
  /** Runs a switch: no poll and no reload happens meanwhile. */
  exclusive<T>(task: (access: SwitchAccess) => Promise<T>): Promise<T>
  close(): void
}

/** Reads rules and catalog once; gives the problems where they do not fit. Rejects where the database cannot be asked. */
export async function createVersionSource(options: VersionSourceOptions): Promise<Checked<VersionSource>> {
  const { query, log } = options
  const server = createRuleServer(query, options.parser)
  const turns = createExclusive()
  const loaded = await options.readRules()
  if (!loaded.ok) return loaded
  let rules = loaded.value
  let applied: readonly AppliedStep[] = []
  let fingerprint = await readFingerprint(query)
  const planned = await planChecked(query, rules, applied, { number: 1, server })
  if (!planned.ok) return planned
  let versions = planned.value
  let active = activate(versions, options)
  let refreshing: Promise<boolean> | undefined
  /** The last thing said about a database that rules do not fit: said once, not every second. */
  let complaint = ''
  for (const note of versions.notes) log.warn({}, note)

  const put = (next: DeclaredVersions): Generation => {
    versions = next
    active = activate(next, options)
    complaint = ''
    log.info(describeVersions(next), 'new generation')
    return next.generation
  }
  const nextNumber = () => active.generation.number + 1

  /** Looks at the database; true where that gave another generation. */
  const look = async (): Promise<boolean> => {
    const seen = await readFingerprint(query)
    if (seen === fingerprint) return false
    const next = await planVersions(await introspect(query, headOf(versions)), rules, applied, {
      number: nextNumber(),
      server,
    })
    if (!next.ok) {
      const text = next.problems.map(formatProblem).join('\n')
      if (text !== complaint)
        log.warn({ problems: next.problems.map(formatProblem) }, 'the rules do not fit the database now')
      complaint = text
      return false
    }
    fingerprint = seen
    put(next.value)
    return true
  }

  const lookOnce = async (): Promise<boolean> => {
    // A session that waits here counts as busy, and a switch waits for busy sessions.
    if (turns.busy && refreshing === undefined) return false
    refreshing ??= turns.run(look).finally(() => {
      refreshing = undefined
    })
    return await refreshing
  }

  let lost = false
  const refresh = async (): Promise<boolean> => {
    try {
      const changed = await lookOnce()
      if (lost) log.info({}, 'the control connection is back')
      lost = false
      return changed
    } catch (error) {
      if (!lost) log.warn({ error: String(error) }, 'the database cannot be asked; trying again')
      lost = true
      return false
    }
  }
  const timer = options.pollMs > 0 ? repeat(refresh, options.pollMs) : undefined

  return {
    ok: true,
    value: {
      current: () => active,
      get armed() {
        return versions.armed
      },
      refresh,
      reload: () =>
        turns.run(async () => {
          const read = await options.readRules()
          if (!read.ok) return read
          const seen = await readFingerprint(query)
          const next = await planChecked(query, read.value, applied, { number: nextNumber(), server })
          if (!next.ok) return next
          rules = read.value
          fingerprint = seen
          put(next.value)
          return next
        }),
      exclusive: (task) =>
        turns.run(() =>
          task({
            head: headOf(versions),
            armed: versions.armed,
            types: (files) => server.types(files),
            plan: (head, step) => planVersions(head, rules, [...applied, step], { number: nextNumber(), server }),
            publish: (next, step, seen) => {
              applied = [...applied, step]
              fingerprint = seen
              return put(next)
            },
          }),
        ),
      close: () => timer?.stop(),
    },
  }
}

/** Plans the versions of the database as it is, and lets the server check what the rules say in SQL. */
async function planChecked(
  query: TextQuery,
  rules: readonly RuleFile[],
  applied: readonly AppliedStep[],
  declare: DeclareOptions,
): Promise<Checked<DeclaredVersions>> {
  const planned = await planVersions(await introspect(query), rules, applied, declare)
  if (!planned.ok) return planned
  const { generation } = planned.value
  const problems = [
    ...(await checkInserts(tryOn(query), generation, rules)),
    ...(await checkCasts(tryOn(query), generation, rules)),
  ]
  return problems.length > 0 ? { ok: false, problems } : planned
}

function headOf({ generation }: DeclaredVersions): Catalog {
  const head = generation.versions.at(-1)
  if (head === undefined) throw new Error('a generation without versions')
  return head.catalog
}

function activate({ generation }: DeclaredVersions, options: VersionSourceOptions): ActiveGeneration {
  return { generation, rewriter: options.createRewriter(generation) }
}

/** What a log line or a command says of the versions in force. */
export function describeVersions({ generation, armed }: Pick<DeclaredVersions, 'generation' | 'armed'>): {
  generation: number
  versions: string[]
  armed: string[]
} {
  return {
    generation: generation.number,
    versions: generation.versions.map((version) => version.name),
    armed: armed.map((file) => file.version),
  }
}

/** Runs a task again and again, each time `ms` after the last one ended. */
function repeat(task: () => Promise<unknown>, ms: number): { stop(): void } {
  let stopped = false
  let timer: NodeJS.Timeout
  const next = () => {
    timer = setTimeout(async () => {
      await task()
      if (!stopped) next()
    }, ms)
    timer.unref()
  }
  next()
  return {
    stop() {
      stopped = true
      clearTimeout(timer)
    },
  }
}
