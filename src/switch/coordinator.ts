import type { SeenCatalog, TextQuery } from '../catalog/introspect.js'
import { readRuleFile } from '../config/load-rules.js'
import { formatProblem } from '../config/problem.js'
import { errorFields } from '../proxy/client-error.js'
import type { Blocker, ClientError, HookReply, MigratorHook, MigratorSession, ProxyLog } from '../proxy/contracts.js'
import { versionIndex } from '../rewrite/generation.js'
import { lostColumns } from '../rewrite/lost-column.js'
import type { Mapping } from '../rewrite/mapping.js'
import type { Parser } from '../sql/parse.js'
import { type AttemptOutcome, failed, type Migration } from './attempt.js'
import { describeBlocker } from './blocker.js'
import type { StepCheck } from './check/check-step.js'
import { findHiddenCode } from './check/hidden-code.js'
import { encodeReport, type MigrationReport } from './migration-report.js'
import { decodeMigration, refuseMigration } from './migration-text.js'
import { backoffMs, pause } from './pause.js'
import { prepareCheck } from './prepare-check.js'
import { prepareQuestionsAlone } from './questions.js'
import { rehearsePlanAlone } from './rehearse-plan.js'
import { ruleOfStep } from './rule-of-step.js'
import type { SwitchHold } from './switch-hold.js'
import { type AtPoint, goOn } from './switch-point.js'
import { switchInTransaction } from './switch-transaction.js'
import type { SwitchAccess, VersionSource } from './version-source.js'

/** All in milliseconds, but for the tries. */
export interface HoldLimits {
  readonly timeoutMs: number
  readonly lockTimeoutMs: number
  readonly checkMs: number
  readonly retries: number
}

export interface CoordinatorOptions {
  readonly traffic: SwitchHold
  readonly versions: VersionSource
  readonly parser: Parser
  /** The control connection: cancels a migration that takes too long, and resolves doubt about a COMMIT. */
  readonly control: TextQuery
  /** A file runs for `timeoutMs` from the hold on, and always for half of it: the hold ends after 1.5 times of it. */
  readonly hold: HoldLimits
  readonly check?: StepCheck
  readonly at?: AtPoint
  readonly log: ProxyLog
}

/**
 * Runs migrations: hold, drain, the file in one transaction, COMMIT, publish, release. The migration gives way, not the
 * app: what does not drain, or waits too long for a lock, is rolled back and tried again while traffic flows.
 *
 *     idle -> hold -> drain -> transaction -> committed -> release
 *                       |            |
 *                       +------------+-> release, pause, again until the tries are used up
 */
export function createCoordinator(options: CoordinatorOptions): MigratorHook {
  let running: string | undefined
  return {
    async run(session, text, name, signal) {
      if (running !== undefined) return refuse(anotherRuns(running))
      running = name
      try {
        const checked = checkMigration(options, text, name)
        return 'error' in checked
          ? { ok: false, error: checked.error }
          : await runTries(options, session, checked, signal)
      } finally {
        running = undefined
      }
    },
  }
}

function refuse(error: ClientError): HookReply {
  return { ok: false, error: errorFields(error) }
}

function anotherRuns(name: string): ClientError {
  return {
    sqlstate: '55006',
    message: `the migration ${name} is running`,
    hint: 'One migration runs at a time; try again when it has ended.',
  }
}

/** Everything that can be refused before anybody is held. */
function checkMigration(
  { parser, versions }: CoordinatorOptions,
  text: string,
  name: string,
): Migration | { readonly error: ReturnType<typeof errorFields> } {
  const { sql, rules } = decodeMigration(text)
  const refusal = refuseMigration(sql, parser)
  if (refusal !== undefined) {
    const fields = errorFields(refusal)
    return { error: refusal.position === undefined ? fields : new Map([...fields, ['P', String(refusal.position)]]) }
  }
  if (versionIndex(versions.current().generation, name) >= 0) {
    return {
      error: errorFields({
        sqlstate: '42710',
        message: `there is a version "${name}" already`,
        hint: 'A version has the name of its migration: either it has run, or another file has its name.',
      }),
    }
  }
  if (rules === undefined) return { name, sql, rules: undefined }
  const read = readRuleFile(rules.file, rules.text, parser)
  if (read.ok) return { name, sql, rules: read.value }
  return {
    error: errorFields({
      sqlstate: 'F0000',
      message: 'the rules of this migration are wrong',
      detail: read.problems.map(formatProblem).join('\n'),
    }),
  }
}

async function runTries(
  options: CoordinatorOptions,
  session: MigratorSession,
  migration: Migration,
  signal: AbortSignal,
): Promise<HookReply> {
  const { hold, versions, log } = options
  const tries: Tries = { holds: [], seen: undefined }
  const { holds } = tries
  // Of a lost connection the try itself tells.
  await session.learnPid().catch(() => undefined)
  await prepareQuestionsAlone(session, hold.lockTimeoutMs).catch(() => undefined)
  while (true) {
    const outcome = await versions.exclusive((access) => holdAndRun(options, session, migration, access, signal, tries))
    if (outcome.kind === 'gave way' && holds.length < hold.retries) {
      session.notice(`try ${holds.length} of ${hold.retries}: ${outcome.reason}; traffic goes on, trying again`)
      await pause(backoffMs(holds.length), signal)
      if (!signal.aborted) continue
    }
    const report = reportOf(migration, await withHiddenCode(options, outcome), holds)
    const { rule: _, fillIn: __, ...facts } = report
    const fields = { ...facts, migration: migration.name, user: session.user, pid: session.pid }
    if (outcome.kind === 'committed') {
      log.info(fields, 'switched')
      return { ok: true, tag: 'MIGRATE', notices: [encodeReport(report)] }
    }
    const error = outcome.kind === 'failed' ? outcome.error : errorFields(triesUsedUp(outcome, holds.length))
    log.warn({ ...fields, sqlstate: error.get('C') }, 'migration rolled back')
    session.notice(encodeReport(report))
    return { ok: false, error }
  }
}

interface Tries {
  /** How long each held traffic, in milliseconds. */
  readonly holds: number[]
  /** The catalog before the first one. */
  seen: SeenCatalog | undefined
}

/** One try; the time that it held traffic is added to `holds`. */
async function holdAndRun(
  { traffic, control, hold, parser, check: stepCheck, log, at = goOn }: CoordinatorOptions,
  session: MigratorSession,
  migration: Migration,
  access: SwitchAccess,
  signal: AbortSignal,
  tries: Tries,
): Promise<AttemptOutcome> {
  const { holds } = tries
  if (signal.aborted) return failed({ sqlstate: '57014', message: 'the client of the migration has left' })
  const check = await prepareCheck(stepCheck, hold.checkMs)
  if (check !== undefined && 'kind' in check) return check
  if (holds.length === 0) {
    // Of a lost connection the try itself tells.
    tries.seen = await rehearsePlanAlone({ session, access, parser, check }, hold.lockTimeoutMs).catch(() => undefined)
  }
  await at('holding')
  const asked = performance.now()
  const held = await traffic.acquire(hold.timeoutMs, signal)
  if (held.kind === 'gave way') {
    holds.push(performance.now() - asked)
    return held
  }
  const { since } = held
  try {
    await at('drained')
    const left = hold.timeoutMs - (performance.now() - since)
    const runMs = Math.max(left, hold.timeoutMs / 2)
    const { lockTimeoutMs } = hold
    const { enter } = held
    return await switchInTransaction({
      session,
      enter,
      migration,
      seen: tries.seen,
      access,
      signal,
      control,
      parser,
      check,
      at,
      log,
      lockTimeoutMs,
      runMs,
    })
  } finally {
    holds.push((await held.release()) - since)
  }
}

function reportOf(migration: Migration, outcome: AttemptOutcome, holds: readonly number[]): MigrationReport {
  const round = (ms: number) => Math.round(ms * 10) / 10
  return {
    ok: outcome.kind === 'committed',
    version: outcome.kind === 'committed' ? outcome.version : migration.name,
    tries: holds.length,
    heldMs: round(holds.reduce((sum, ms) => sum + ms, 0)),
    longestHoldMs: round(Math.max(0, ...holds)),
    changed: outcome.kind === 'committed' ? outcome.changed : [],
    broken: outcome.kind === 'committed' ? outcome.broken : [],
    ...(outcome.kind === 'committed' ? reportRule(outcome.made.mapping) : {}),
    ...(outcome.kind === 'committed' && outcome.checked !== undefined ? { checked: outcome.checked } : {}),
    differences: outcome.kind === 'failed' ? outcome.differences : [],
    blockers: outcome.kind === 'gave way' ? outcome.blockers : [],
  }
}

/** With what was not looked at while traffic was held. */
async function withHiddenCode({ control, log }: CoordinatorOptions, outcome: AttemptOutcome): Promise<AttemptOutcome> {
  if (outcome.kind !== 'committed' || outcome.checked === undefined) return outcome
  const { unchecked } = outcome.checked
  const hidden = await findHiddenCode(control, outcome.made, log)
  return { ...outcome, checked: { ...outcome.checked, unchecked: [...unchecked, ...hidden] } }
}

/** The step as a rule file, or one in which its author has to fill in what lost columns are. */
function reportRule(mapping: Mapping): Pick<MigrationReport, 'rule' | 'fillIn'> {
  const rule = ruleOfStep(mapping)
  return lostColumns(mapping).length > 0 ? { fillIn: rule } : { rule }
}

function triesUsedUp(
  { reason, blockers }: { reason: string; blockers: readonly Blocker[] },
  tries: number,
): ClientError {
  return {
    sqlstate: '55P03',
    message: `the migration gave way ${tries} times: ${reason}`,
    ...(blockers.length === 0 ? {} : { detail: blockers.map(describeBlocker).join('\n') }),
    hint: 'Nothing was changed. Try again when less is going on, end what is in the way, or raise hold.timeout.',
  }
}
