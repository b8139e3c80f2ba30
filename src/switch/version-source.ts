import type { Catalog } from '../catalog/catalog.js'
import type { TextQuery } from '../catalog/introspect.js'
import type { DeclaredVersions } from '../config/declare.js'
import type { Checked } from '../config/problem.js'
import { formatProblem, type Problem } from '../config/problem.js'
import type { RuleFile } from '../config/rule-file.js'
import type { TypeTable } from '../config/rule-server.js'
import type { ActiveGeneration, ClientError, GenerationSource, ProxyLog } from '../proxy/contracts.js'
import type { Generation } from '../rewrite/generation.js'
import type { Rewriter } from '../rewrite/outcome.js'
import type { Parser } from '../sql/parse.js'
import { createExclusive } from './exclusive.js'
import { createDeclaredReader, createStoredReader, type KnownVersions } from './known-versions.js'
import { type AppliedStep, createStepPlans, headOf, planVersions, withoutRetired } from './plan-versions.js'
import { createRuleServer } from './rule-server.js'
import type { Store } from './store/store.js'
import { guardRewriter } from './store/unexplained.js'
import { refusePromotion, refuseRetirement } from './version-changes.js'

export interface VersionSourceOptions {
  /** The control connection. */
  readonly query: TextQuery
  /** How often that has connected (ControlConnection). */
  readonly connections?: () => number
  readonly parser: Parser
  /** Reads the rule files as they are now. */
  readonly readRules: () => Promise<Checked<readonly RuleFile[]>>
  readonly createRewriter: (generation: Generation) => Rewriter
  /** Milliseconds between two looks at the database; 0 for none. */
  readonly pollMs: number
  readonly log: ProxyLog
  /** Where versions outlive the proxy; without one, migrations are remembered as long as it runs. */
  readonly store?: Store
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
  /**
   * Stores the step in the migration's own transaction, as the last thing before its COMMIT; gives the store's number, for
   * `publish`. Rejects with StatementFailure where the step cannot be stored: then the migration must be rolled back.
   */
  record(query: TextQuery, step: AppliedStep, after: Catalog, fingerprint: string): Promise<number>
  /** Asks what `record` does, and stores nothing; before traffic is held, since the first time takes longer. */
  rehearse(query: TextQuery): Promise<void>
  /** Puts planned versions in force. `fingerprint` is that of the head, `number` what `record` gave. */
  publish(planned: DeclaredVersions, step: AppliedStep, fingerprint: string, number: number): Generation
}

/** The versions in force: those of the store and of rule files, and added to by migrations that ran through this proxy. */
export interface VersionSource extends GenerationSource {
  /** True where the database, looked at now, gave another generation. Waits for no switch, and never rejects. */
  refresh(): Promise<boolean>
  /** True where what is in force is what the database says now; false where it could not be asked, or a switch is under way. */
  confirm(): Promise<boolean>
  /** Reads the rule files again; where anything is wrong with them, the old generation stays in force. */
  reload(): Promise<Checked<DeclaredVersions>>
  readonly armed: readonly RuleFile[]
  /** What a client speaks that says nothing. */
  readonly defaultVersion: string
  /** Versions that nobody may speak any more. */
  readonly retired: readonly string[]
  /** The number of the store's state that is in force here; 0 without a store. */
  readonly storedNumber: number
  /** Why the database is not what the newest version says: changes made elsewhere that need a rule file. */
  readonly unexplained: readonly string[]
  /** Lets clients that say nothing speak another version; why not, where that cannot be. */
  promote(name: string): Promise<ClientError | undefined>
  /** Lets nobody speak the version any more; why not, where that cannot be. Without a store nobody looks whether somebody does. */
  retire(name: string): Promise<ClientError | undefined>
  /** Runs a switch: no poll and no reload happens meanwhile. */
  exclusive<T>(task: (access: SwitchAccess) => Promise<T>): Promise<T>
  close(): void
}

const CHANGED_ELSEWHERE =
  'the database was changed elsewhere, and no rule file says what became of it: write one of the name that is given here, and reload'

/** Reads rules, store and catalog once; gives the problems where they do not fit. Rejects where the database cannot be asked. */
export async function createVersionSource(options: VersionSourceOptions): Promise<Checked<VersionSource>> {
  const { query, log, connections = () => 1 } = options
  const server = createRuleServer(query, options.parser)
  const turns = createExclusive()
  const planOf = createStepPlans()
  const reader = options.store === undefined ? createDeclaredReader(query) : createStoredReader(options.store, query)
  const loaded = await options.readRules()
  if (!loaded.ok) return loaded
  let rules = loaded.value
  const declareAs = (number: number) => ({ number, server })
  const first = await reader.read(rules, declareAs(1), true)
  if (!first.ok) return first
  let known = first.value
  let active = activate(known, options)
  let refreshing: Promise<boolean> | undefined
  /** The connection on which everything was read last. */
  let connected = connections()
  /** How often the database was looked at to the end. */
  let looks = 0
  /** The last thing said about a database that rules do not fit: said once, not every second. */
  let complaint = ''
  for (const note of known.versions.notes) log.warn({}, note)

  const complain = (problems: readonly Problem[], message: string) => {
    const lines = problems.map(formatProblem)
    if (lines.length > 0 && lines.join('\n') !== complaint) log.warn({ problems: lines }, message)
    complaint = lines.join('\n')
  }
  const put = (next: KnownVersions): Generation => {
    known = next
    active = activate(next, options)
    log.info(
      { ...describeVersions(next.versions), ...(next.found.length > 0 ? { found: next.found } : {}) },
      'new generation',
    )
    complain(next.unexplained, CHANGED_ELSEWHERE)
    return next.versions.generation
  }
  complain(known.unexplained, CHANGED_ELSEWHERE)
  const nextNumber = () => active.generation.number + 1

  /** Looks at the database; true where that gave another generation. */
  const look = async (): Promise<boolean> => {
    const other = await reader.isOther(known)
    const now = connections()
    // After a failover to a standby that was behind the same numbers may stand for other versions.
    if (!other && now === connected) {
      looks += 1
      return false
    }
    const next = await reader.read(rules, declareAs(nextNumber()), false, known)
    if (!next.ok) {
      complain(next.problems, 'the rules do not fit the database now')
      if (other) looks += 1
      return false
    }
    connected = now
    looks += 1
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
  /** What the look gave; undefined where nobody answered. */
  const tryLook = async (): Promise<boolean | undefined> => {
    try {
      const changed = await lookOnce()
      if (lost) log.info({}, 'the control connection is back')
      lost = false
      return changed
    } catch (error) {
      if (!lost) log.warn({ error: String(error) }, 'the database cannot be asked; trying again')
      lost = true
      return undefined
    }
  }
  const refresh = async () => (await tryLook()) === true
  const timer = options.pollMs > 0 ? repeat(refresh, options.pollMs) : undefined

  const openAccess = (): SwitchAccess => {
    let token: Promise<string> | undefined
    return {
      head: headOf(known.versions),
      armed: known.versions.armed,
      types: (files) => server.types(files),
      async plan(head, step) {
        // The check of the app's statements comes between this and `record`.
        token = reader.openSwitch(step.name, head)
        token.catch(() => undefined)
        if (known.unexplained.length > 0) return { ok: false, problems: known.unexplained }
        if (known.steps.some(({ name }) => name === step.name)) return { ok: false, problems: [nameTaken(step.name)] }
        // The step has what its own file says.
        const others = rules.filter(({ version }) => version !== step.name)
        const planned = await planVersions(head, others, [...known.steps, step], declareAs(nextNumber()), planOf)
        return planned.ok ? { ok: true, value: withoutRetired(planned.value, known.retired) } : planned
      },
      async record(session, step, after, fingerprint) {
        const opened = await (token ?? reader.openSwitch(step.name, after))
        return await reader.record(known, session, { ...step, after, fingerprint }, opened)
      },
      rehearse: (session) => reader.rehearse(known, session),
      publish: (versions, step, seen, number) =>
        put({
          ...known,
          versions,
          steps: [...known.steps, step],
          seen,
          number,
          unexplained: [],
          change: undefined,
          found: [],
        }),
    }
  }

  /** Changes what is known besides steps, and reads it again. */
  const change = (
    refuse: (known: KnownVersions) => ClientError | undefined,
    task: () => Promise<KnownVersions | ClientError | undefined>,
    done: (known: KnownVersions) => boolean,
  ): Promise<ClientError | undefined> =>
    turns.run(async () => {
      await look()
      const refused = refuse(known)
      if (refused !== undefined) return refused
      const now = await task()
      if (now !== undefined && 'sqlstate' in now) return now
      if (now !== undefined) put(renumbered(now, nextNumber()))
      else await look()
      // Another proxy may have been faster with something that forbids it.
      return done(known) ? undefined : refuse(known)
    })

  return {
    ok: true,
    value: {
      current: () => active,
      get armed() {
        return known.versions.armed
      },
      get defaultVersion() {
        return known.defaultVersion
      },
      get retired() {
        return known.retired
      },
      get storedNumber() {
        return known.number
      },
      get unexplained() {
        return known.unexplained.map(formatProblem)
      },
      refresh,
      async confirm() {
        const since = looks
        return (await tryLook()) !== undefined && looks > since
      },
      reload: () =>
        turns.run(async () => {
          const read = await options.readRules()
          if (!read.ok) return read
          const next = await reader.read(read.value, declareAs(nextNumber()), true, known)
          if (!next.ok) return next
          if (next.value.unexplained.length > 0) return { ok: false, problems: next.value.unexplained }
          rules = read.value
          put(next.value)
          return { ok: true, value: next.value.versions }
        }),
      promote: (name) =>
        change(
          (now) => refusePromotion(name, now),
          () => reader.setDefault(name, known),
          ({ defaultVersion }) => defaultVersion === name,
        ),
      retire: (name) =>
        change(
          (now) => refuseRetirement(name, now),
          () => reader.retire(name, known),
          ({ retired }) => retired.includes(name),
        ),
      exclusive: (task) =>
        turns.run(async () => {
          // What was changed elsewhere must not count as part of the migration. Where nobody answers, `record` will tell.
          await look().catch(() => undefined)
          return await task(openAccess())
        }),
      close: () => timer?.stop(),
    },
  }
}

function nameTaken(name: string): Problem {
  return {
    place: { file: name, line: 1, column: 1 },
    message: `there was a version "${name}" already; choose another name`,
  }
}

function renumbered(known: KnownVersions, number: number): KnownVersions {
  const { versions } = known
  return { ...known, versions: { ...versions, generation: { ...versions.generation, number } } }
}

function activate({ versions, change }: KnownVersions, options: VersionSourceOptions): ActiveGeneration {
  const { generation } = versions
  const rewriter = options.createRewriter(generation)
  return { generation, rewriter: change === undefined ? rewriter : guardRewriter(rewriter, generation, change) }
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
