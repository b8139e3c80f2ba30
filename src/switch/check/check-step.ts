import { isSystemSchema } from '../../catalog/diff.js'
import { qualifiedName } from '../../catalog/difference.js'
import type { TextQuery } from '../../catalog/introspect.js'
import type { ActiveGeneration } from '../../proxy/contracts.js'
import type { Generation } from '../../rewrite/generation.js'
import type { Rewriter } from '../../rewrite/outcome.js'
import { hasWord } from '../../sql/words.js'
import { headOf } from '../plan-versions.js'
import {
  type CheckSession,
  type CheckWithin,
  checkGroup,
  type Findings,
  OutOfTime,
  openContext,
  questionsOf,
} from './check-within.js'
import type { CheckedStatement } from './checked-statement.js'
import { describeBefore } from './describe-before.js'
import type { Describer } from './describer.js'
import { type GeneratedStatement, generateStatements } from './generated-statements.js'
import { readAhead } from './read-ahead.js'
import type { RecordedStatement } from './recorded-statements.js'
import { rehearse } from './rehearse.js'
import { lostRights, type Privileges, readPrivileges, readSecurity, type Security } from './security.js'
import { contextKey, groupByContext } from './statement-session.js'
import { findTouched, lastStep, type MadeStep, type Touched } from './touched.js'

export interface StepCheckOptions {
  /** A connection of the check's own; ended when `prepare` is done. */
  readonly connect: () => Promise<Describer>
  /** The statement book, all proxies' together. */
  readonly recorded: () => Promise<readonly RecordedStatement[]>
  readonly current: () => ActiveGeneration
  readonly createRewriter: (generation: Generation) => Rewriter
  /** True where somebody may speak a version of which no statement was recorded; absent: so it is of all. */
  readonly isSpoken?: (version: string) => boolean
}

/** The check before COMMIT (decision 15). */
export interface StepCheck {
  /** Before traffic is held: what recorded statements are on the old schema. */
  prepare(): Promise<PreparedCheck>
}

export interface PreparedCheck {
  /**
   * Inside the migrator's transaction, after its DDL; `planned` is the generation as it would be. The transaction is as it
   * was before, but after `over budget`, when it must be rolled back. Rejects with StatementFailure where the server
   * refuses one of our own questions.
   */
  run(session: CheckSession, planned: Generation, budgetMs: number): Promise<CheckOutcome>
  /**
   * Checks some statements for a step that changes nothing, before traffic is held: the first time takes several times as
   * long. The transaction is as after `run`; it may reject.
   */
  rehearse(session: CheckSession, planned: Generation): Promise<void>
}

/** What a check found. */
export type CheckOutcome =
  | {
      readonly kind: 'checked'
      /** What would break, as sentences; empty where nothing would. */
      readonly problems: readonly string[]
      /** What could not be looked at, and what its author should look at. */
      readonly unchecked: readonly string[]
      /** Statements that were looked at. */
      readonly statements: number
      readonly ms: number
    }
  | { readonly kind: 'over budget'; readonly reason: string; readonly ms: number }

export function createStepCheck(options: StepCheckOptions): StepCheck {
  /** What the generation in force makes of statements stays the same: it is asked for once. */
  const describedBy = new WeakMap<ActiveGeneration, Map<string, CheckedStatement>>()
  return {
    async prepare() {
      const active = options.current()
      const recorded = await options.recorded()
      const earlier = describedBy.get(active) ?? new Map<string, CheckedStatement>()
      describedBy.set(active, earlier)
      const describer = await options.connect()
      try {
        const { query } = describer
        const security = await readSecurity(query)
        const roles = [...new Set(recorded.map(({ role }) => role))]
        const privileges = await readPrivileges(query, roles)
        const fresh = recorded.filter(({ id }) => !earlier.has(id))
        const described = await describeBefore(describer, fresh, active)
        for (const [id, statement] of described) earlier.set(id, statement)
        const known = recorded.flatMap(({ id }) => earlier.get(id) ?? [])
        const statements = await readAhead(known, active.rewriter)
        // Of a step that nobody makes: whatever is wrong with it must not keep a migration from running.
        await rehearse(statements, headOf(active), options.createRewriter).catch(() => undefined)
        return {
          run: (session, planned, budgetMs) =>
            run({ options, statements, security, privileges }, session, planned, budgetMs),
          async rehearse(session, planned) {
            const some = statements.filter(({ before }) => before.kind === 'described').slice(0, REHEARSED)
            const check = startCheck(session, planned, options.createRewriter, REHEARSAL_MS)
            for (const group of groupByContext(some)) await checkGroup(check, group)
          },
        }
      } finally {
        await describer.end()
      }
    },
  }
}

/** Statements that are checked in a rehearsal, and milliseconds that it may take. */
const REHEARSED = 25
const REHEARSAL_MS = 200

interface Prepared {
  readonly options: StepCheckOptions
  readonly statements: readonly CheckedStatement[]
  readonly security: Security
  readonly privileges: Privileges
}

async function run(
  prepared: Prepared,
  session: CheckSession,
  planned: Generation,
  budgetMs: number,
): Promise<CheckOutcome> {
  const since = performance.now()
  const spent = () => Math.round((performance.now() - since) * 10) / 10
  const step = lastStep(planned)
  if (step === undefined) return { kind: 'checked', problems: [], unchecked: [], statements: 0, ms: spent() }
  try {
    const { isSpoken = () => true, createRewriter } = prepared.options
    const started = startCheck(session, planned, createRewriter, budgetMs)
    const { query, findings } = started
    const touching = findTouched(query, step, prepared.security)
    touching.catch(() => undefined)
    // Asked behind that: nearly all statements have the context of the first one.
    const [some] = prepared.statements
    const opened = some === undefined ? undefined : openContext(started, some)
    const touched = await touching
    const statements = statementsToCheck(prepared.statements, planned, touched, isSpoken)
    const check = { ...started, planAll: touched.rights }
    const groups = groupByContext(statements)
    const first = groups.find(([statement]) => statement !== undefined && contextKey(statement) === opened?.key)
    if (first === undefined) {
      await opened?.path
      opened?.close()
      // Of its role nothing is checked.
      findings.strangers.clear()
    } else await checkGroup(check, first, opened)
    for (const group of groups) if (group !== first) await checkGroup(check, group)
    await noteStrangers(query, prepared, step, touched, findings)
    const { problems, unchecked } = findings
    return {
      kind: 'checked',
      problems: unique(problems),
      unchecked: unique(unchecked),
      statements: statements.length,
      ms: spent(),
    }
  } catch (error) {
    if (!(error instanceof OutOfTime)) throw error
    return { kind: 'over budget', reason: error.message, ms: spent() }
  }
}

function startCheck(
  session: CheckSession,
  planned: Generation,
  createRewriter: StepCheckOptions['createRewriter'],
  budgetMs: number,
): CheckWithin {
  const since = performance.now()
  return {
    session,
    query: questionsOf(session),
    planned,
    rewriter: createRewriter(planned),
    findings: { problems: [], unchecked: [], strangers: new Set() },
    planAll: false,
    left() {
      const ms = budgetMs - (performance.now() - since)
      if (ms <= 0) throw new OutOfTime(`the ${budgetMs} ms of the check are over`)
      return ms
    },
  }
}

function unique(lines: readonly string[]): readonly string[] {
  return [...new Set(lines)]
}

/** Recorded statements that could name what was touched, and generated ones for what no recorded statement names. */
function statementsToCheck(
  recorded: readonly CheckedStatement[],
  planned: Generation,
  touched: Touched,
  isSpoken: (version: string) => boolean,
): readonly CheckedStatement[] {
  if (touched.names.size === 0) return []
  return [
    ...recorded.filter(({ words }) => hasWord(words, touched.names)),
    ...generate(recorded, planned, touched, isSpoken),
  ]
}

function generate(
  recorded: readonly CheckedStatement[],
  { versions, steps }: Generation,
  { relations }: Touched,
  isSpoken: (version: string) => boolean,
): readonly GeneratedStatement[] {
  const last = versions.length - 2
  return versions.slice(0, -1).flatMap(({ name: version, catalog }, index) => {
    const spoken = recorded.filter((statement) => statement.version === version)
    if (spoken.length === 0 && !isSpoken(version)) return []
    return catalog.relations.flatMap((relation) => {
      if (isSystemSchema(relation.schema)) return []
      let { oid } = relation
      for (const { mapping } of steps.slice(index, last)) oid = mapping.relations.get(oid)?.after.oid ?? oid
      if (!relations.has(oid)) return []
      const names = new Set([relation.name])
      if (spoken.some(({ ownWords }) => hasWord(ownWords, names))) return []
      return generateStatements(relation, version, catalog)
    })
  })
}

/** Roles that the migrator may not take on: what they have lost is read from the catalogs. */
async function noteStrangers(
  query: TextQuery,
  { privileges }: Prepared,
  { before }: MadeStep,
  { relations }: Touched,
  { strangers, problems, unchecked }: Findings,
): Promise<void> {
  if (strangers.size === 0) return
  const now = await readPrivileges(query, [...strangers])
  for (const role of strangers) {
    unchecked.push(`statements of role "${role}" were planned with the migrator's rights, which may not SET ROLE to it`)
    for (const oid of relations) {
      const relation = before.byOid.get(oid)
      const lost = lostRights(privileges.get(`${role} ${oid}`), now.get(`${role} ${oid}`))
      if (relation === undefined || lost === '') continue
      problems.push(`role "${role}" loses ${lost.split(' ').join(', ')} on ${qualifiedName(relation)}`)
    }
  }
}
