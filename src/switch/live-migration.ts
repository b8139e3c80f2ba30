import type { SeenCatalog, TextQuery } from '../catalog/introspect.js'
import { errorFields } from '../proxy/client-error.js'
import type {
  ClientError,
  InternalResult,
  MigratorSession,
  ProxyLog,
  ToolMigration,
  ToolStatement,
} from '../proxy/contracts.js'
import { fromByteString } from '../sql/byte-string.js'
import type { Parser } from '../sql/parse.js'
import type { AttemptOutcome } from './attempt.js'
import type { StepCheck } from './check/check-step.js'
import { findHiddenCode } from './check/hidden-code.js'
import { commitStep } from './commit-step.js'
import { commitTransaction, connectionLost } from './commit-transaction.js'
import type { HoldLimits } from './coordinator.js'
import type { Obstacle } from './drain.js'
import { errorOf, gaveWayAtLast, reasonToTryAgain, rolledBack } from './gave-way.js'
import { boundName } from './ledger-entry.js'
import { type LiveHold, openLiveHold } from './live-hold.js'
import { backoffMs, pause } from './pause.js'
import { type BudgetedCheck, logBroken, planWithin } from './plan-within.js'
import { prepareCheck } from './prepare-check.js'
import { forgetQuestions, NO_JIT, prepareQuestions } from './questions.js'
import { rehearsePlan } from './rehearse-plan.js'
import { StatementFailure } from './server-error.js'
import type { SwitchHold } from './switch-hold.js'
import { type AtPoint, goOn } from './switch-point.js'
import { enter } from './switch-transaction.js'
import { nameRecorded, versionName } from './version-name.js'
import type { VersionSource } from './version-source.js'

export interface LiveMigrationOptions {
  readonly traffic: SwitchHold
  readonly versions: VersionSource
  readonly parser: Parser
  /** The control connection: cancels a statement that takes too long, and resolves doubt about a COMMIT. */
  readonly control: TextQuery
  readonly hold: HoldLimits
  readonly check?: StepCheck
  readonly at?: AtPoint
  readonly log: ProxyLog
}

/** The point to which a first try goes back. */
const SAVEPOINT = 'hotswap_try'

/** The migrations of one tool's session: traffic is held from a transaction's first DDL to its end. */
export function openMigration(
  options: LiveMigrationOptions,
  session: MigratorSession,
  signal: AbortSignal,
): ToolMigration {
  const { traffic, versions, control, hold, log, parser, at = goOn } = options
  let statements: ToolStatement[] = []
  let switching: LiveHold | undefined
  let late: ClientError | undefined
  let committing = false
  /** COMMIT was asked for: what it leads to decides when traffic goes on, even where nobody is left to be told. */
  let ending = false
  let tries = 0
  let check: BudgetedCheck | undefined
  let seen: SeenCatalog | undefined

  /** Holds and drains; what it gave way to, where it had to. */
  async function acquire(): Promise<Obstacle | undefined> {
    const held = await openLiveHold({
      ...{ traffic, versions, hold, at, signal },
      prepare: async (access) => {
        if (tries === 1) seen = await rehearsePlan({ session, access, parser, check }, hold.lockTimeoutMs)
      },
      onLate: () => giveWay().catch(logBug),
      onEnd: () => {
        switching = undefined
      },
    })
    if ('reason' in held) return held
    switching = held
    return undefined
  }

  /** The transaction held traffic for too long: it is ended, and traffic goes on. */
  async function giveWay(): Promise<void> {
    if (switching === undefined || committing) return
    const heldMs = Math.round(performance.now() - switching.since)
    late = {
      sqlstate: '57014',
      message: `the migration held traffic for ${heldMs} ms and was rolled back`,
      hint: 'Take what works on many rows out of the migration and run it before, or raise hold.timeout.',
    }
    log.warn({ pid: session.pid, heldMs }, 'a migration gave way')
    if (session.pid !== undefined) {
      await control(`SELECT pg_catalog.pg_cancel_backend(${session.pid})`).catch(() => undefined)
    }
    // A COMMIT under way is told by the cancelled question, and rolls back by itself.
    if (ending) return
    // Where the session is lost, too.
    await failTransaction().finally(() => switching?.end())
  }

  /** The tool's next statement finds a failed transaction, as it would after an error of its own; it holds no locks. */
  async function failTransaction(): Promise<void> {
    await endSurely('ROLLBACK; BEGIN; SELECT hotswap_gave_way')
  }

  /** A cancel request that was meant for the statement before may hit this one, but not again and again. */
  async function endSurely(sql: string): Promise<void> {
    for (let attempt = 0; attempt < 3; attempt++) {
      const result = await session.query(sql)
      if (result.ok || result.error.get('C') !== '57014') break
    }
  }

  const logBug = (error: unknown) =>
    log.warn({ pid: session.pid, error: String(error) }, 'a migration could not be ended')

  /** False for a statement that the server will refuse to this role, and for temporary tables: it holds nobody. */
  async function mayHold({ alters }: ToolStatement): Promise<boolean> {
    if (alters.length === 0) return true
    const names = alters.map((name) => `(${literal(name)})`).join(', ')
    const asked = await session.query(
      `SELECT 1 FROM (VALUES ${names}) AS t(n) JOIN pg_catalog.pg_class c ON c.oid = pg_catalog.to_regclass(t.n)
       WHERE c.relpersistence <> 't' AND pg_catalog.pg_has_role(c.relowner, 'USAGE')`,
    )
    return !asked.ok || asked.rows.length > 0
  }

  async function firstRun(execute: () => Promise<InternalResult>): Promise<InternalResult> {
    await session.learnPid()
    // The server will say what it thinks of it.
    if (!(await prepareQuestions(session, hold.lockTimeoutMs))) return await execute()
    const prepared = await prepareCheck(options.check, hold.checkMs)
    if (prepared !== undefined && 'kind' in prepared) return { ok: false, error: errorOf(prepared) }
    check = prepared
    for (tries = 1; ; tries++) {
      const obstacle = (await acquire()) ?? (await tryRun(execute))
      if ('ok' in obstacle) return obstacle
      const own = obstacle.waitedFor.includes(session.pid ?? 0)
      if (own || tries > hold.retries || signal.aborted) {
        // The statement did not run, but its transaction has failed as if it had, and gives back what it locked before.
        await failTransaction()
        return gaveWayAtLast(obstacle, tries, own)
      }
      session.notice(`try ${tries} of ${hold.retries + 1}: ${obstacle.reason}; traffic goes on, trying again`)
      await pause(backoffMs(tries), signal)
    }
  }

  /** One try of the statement, traffic held; where a lock was not to be had its locks are given back. */
  async function tryRun(execute: () => Promise<InternalResult>): Promise<InternalResult | Obstacle> {
    const result = await enterAndRun(execute)
    if (result.ok) {
      // Nobody waits for it: where the connection is lost, what is asked next tells.
      session.query(`RELEASE SAVEPOINT ${SAVEPOINT}`).catch(() => undefined)
      return result
    }
    const reason = reasonToTryAgain(result.error.get('C'))
    if (reason === undefined || late !== undefined) {
      await switching?.end()
      return late === undefined ? result : { ok: false, error: errorFields(late) }
    }
    await session.query(`ROLLBACK TO SAVEPOINT ${SAVEPOINT}; RELEASE SAVEPOINT ${SAVEPOINT}`)
    await switching?.end()
    return { reason, blockers: [], waitedFor: [] }
  }

  /** Within the savepoint, so that what is entered is left where the try gives way. */
  async function enterAndRun(execute: () => Promise<InternalResult>): Promise<InternalResult> {
    const begin = `SAVEPOINT ${SAVEPOINT}; SET LOCAL lock_timeout = ${Math.max(1, hold.lockTimeoutMs)}; ${NO_JIT}`
    const sql = switching?.enter
    if (sql === undefined) {
      await session.query(begin)
      return await execute()
    }
    if (await enter(session, `${begin}; ${sql}`)) return await execute()
    const isolation = await session.query('SHOW transaction_isolation')
    if (isolation.ok && isolation.rows[0]?.[0] !== 'read committed')
      return { ok: false, error: errorFields(oldSnapshot) }
    return { ok: false, error: errorFields({ sqlstate: '55006', message: 'the switch was ended by another proxy' }) }
  }

  async function commitSwitch(current: LiveHold): Promise<InternalResult> {
    const { access } = current
    const asked = performance.now()
    const sql = statements.map(({ text }) => `${fromByteString(text) ?? text};\n`).join('')
    const recorded = nameRecorded(statements) ?? session.recordedBeside
    const migration = { name: versionName(recorded, versions.current().generation), sql, rules: undefined }
    await at('ran')
    const planned = await planWithin({ session, access, parser, migration, check, seen })
    await at('planned')
    if (planned.kind !== 'planned') return await rollBack(planned)
    current.settle()
    if (late !== undefined) return await rollBack(undefined)
    committing = true
    const plannedAt = performance.now()
    const { accepted, rules } = planned.step
    // What rules or their author's yes settled would else count as a change made elsewhere.
    const isStep = planned.changed.length > 0 || rules.size > 0 || accepted === true
    const refused = isStep
      ? await commitStep({ session, control, access, at, log }, planned)
      : await commitTransaction(session, control, planned.transaction)
    if (refused !== undefined) return { ok: false, error: errorOf(refused) }
    if (!isStep) return { ok: true, rows: [], tag: 'COMMIT' }
    const heldMs = round((await current.end()) - current.since)
    const drainMs = round(current.drainMs)
    const toolMs = round(asked - current.since - current.drainMs)
    const planMs = round(plannedAt - asked)
    const { statements: checked = 0, ms: checkMs = 0, unchecked = [] } = planned.checked ?? {}
    const facts = { migration: planned.step.name, tries, heldMs, drainMs, toolMs, planMs, checkMs, checked }
    log.info({ ...facts, changed: planned.changed, user: session.user }, 'switched')
    if (planned.broken.length > 0) logBroken(log, planned)
    for (const line of planned.broken) session.notice(`breaks old statements, as allowed: ${line}`)
    const hidden = planned.checked === undefined ? [] : await findHiddenCode(control, planned.made, log)
    for (const line of [...unchecked, ...hidden]) session.notice(`not checked: ${line}`)
    session.notice(`version ${planned.step.name}: ${planned.changed.join(', ')}; traffic was held for ${heldMs} ms`)
    return { ok: true, rows: [], tag: 'COMMIT' }
  }

  async function rollBack(outcome: AttemptOutcome | undefined): Promise<InternalResult> {
    await endSurely('ROLLBACK')
    const error = late === undefined && outcome !== undefined ? errorOf(outcome) : errorFields(late ?? rolledBack)
    log.warn({ pid: session.pid, sqlstate: error.get('C') }, 'migration rolled back')
    return { ok: false, error }
  }

  function forget(): void {
    // An entry made ahead is about what comes, maybe in several transactions, until another statement on that ledger.
    statements = statements.filter(({ recordsAhead }) => recordsAhead === true).slice(-1)
    late = undefined
    committing = false
    tries = 0
    seen = undefined
  }

  return {
    get switching() {
      return switching !== undefined
    },
    note(statement) {
      if (statement.records === undefined || 'name' in statement.records) statements.push(statement)
    },
    noteName(statement, value) {
      const name = boundName(value)
      if (name !== undefined) statements.push({ ...statement, records: { name } })
    },
    async run(statement, execute) {
      statements.push(statement)
      if (switching === undefined) return (await mayHold(statement)) ? await firstRun(execute) : await execute()
      const result = await execute()
      return result.ok || late === undefined ? result : { ok: false, error: errorFields(late) }
    },
    async commit() {
      ending = true
      try {
        if (late !== undefined) return await rollBack(undefined)
        return switching === undefined ? await session.query('COMMIT') : await commitSwitch(switching)
      } catch (error) {
        if (error instanceof StatementFailure)
          return await rollBack({ kind: 'failed', error: error.fields, differences: [] })
        return { ok: false, error: errorOf(connectionLost(session, control, error)) }
      } finally {
        ending = false
        const prepared = tries > 0
        await switching?.end()
        forget()
        if (prepared) await forgetQuestions(session).catch(logBug)
        // What changed no mapping is seen here, too: new tables, another head.
        versions.refresh().catch(logBug)
      }
    },
    abandon() {
      if (ending) return
      const pid = session.pid
      if (signal.aborted && switching !== undefined && pid !== undefined) {
        control(`SELECT pg_catalog.pg_terminate_backend(${pid})`).catch(() => undefined)
      }
      switching?.end().catch(logBug)
      forget()
    },
    get recorded() {
      return nameRecorded(statements)
    },
    reason: () => late,
  }
}

const round = (ms: number) => Math.round(ms * 10) / 10

const oldSnapshot: ClientError = {
  sqlstate: '0A000',
  message: 'a migration under REPEATABLE READ or SERIALIZABLE does not see whether traffic is held for it',
  hint: 'Run it under READ COMMITTED, which DDL is not bound by in any case.',
}

const literal = (text: string) => `'${text.replaceAll("'", "''")}'`
