import type { Catalog } from '../../catalog/catalog.js'
import { readFingerprint } from '../../catalog/fingerprint.js'
import { introspect, type TextQuery } from '../../catalog/introspect.js'
import type { DeclaredVersions, DeclareOptions } from '../../config/declare.js'
import type { Checked, Problem } from '../../config/problem.js'
import type { RuleFile } from '../../config/rule-file.js'
import { planVersions, withoutRetired } from '../plan-versions.js'
import { serverErrorOf } from '../server-error.js'
import { explainChange, nextStepName } from './explain-change.js'
import { numberOfToken, type Store, type StoredState } from './store.js'
import { describeUnexplained, type UnexplainedChange, withUnexplained } from './unexplained.js'

export interface ReadVersionsOptions {
  readonly store: Store
  /** The control connection. */
  readonly query: TextQuery
  readonly rules: readonly RuleFile[]
  readonly declare: DeclareOptions
  /** Problems of planned versions that only the server tells. */
  readonly check: (versions: DeclaredVersions) => Promise<readonly Problem[]>
}

/** The versions that the store and the rule files say, for the database as it is. */
export interface StoredVersions {
  readonly state: StoredState
  readonly versions: DeclaredVersions
  /** The fingerprint of the database when it was looked at. */
  readonly seen: string
  /** Why the database is not the stored head, where no rule says what became of it. */
  readonly unexplained: readonly Problem[]
  /** What is known of that: then the versions end with the database as it is. */
  readonly change?: UnexplainedChange
  /** Steps that were made elsewhere, and are in the store since now. */
  readonly found: readonly string[]
}

/** Other proxies change the store, too; each time one of them was faster it is read again. */
const TRIES = 10

/** Reads the store, and stores what has happened to the database since. */
export async function readVersions(options: ReadVersionsOptions): Promise<Checked<StoredVersions>> {
  for (let attempt = 0; attempt < TRIES; attempt++) {
    const found = await tryRead(options)
    if (found !== undefined) return found
  }
  throw new Error('the version store changes all the time')
}

/** Undefined where another proxy was faster. */
async function tryRead(options: ReadVersionsOptions): Promise<Checked<StoredVersions> | undefined> {
  const { store, query, rules, declare } = options
  const state = await store.read()
  // In this order: what changes in between is seen as a change later.
  const seen = await readFingerprint(query)
  if (seen === state.fingerprint) {
    const planned = await planChecked(options, state.head, state)
    return planned.ok ? { ok: true, value: found(state, planned.value, seen) } : planned
  }
  const live = await introspect(query, state.head)
  const change = await explainChange(state, live, rules, declare)
  if (change.kind === 'unexplained') return await asStored(options, state, seen, live, change.problems)
  const steps = change.kind === 'same' ? [] : change.steps
  const now = { ...state, head: live, fingerprint: seen, steps: [...state.steps, ...steps] }
  const planned = await planChecked(options, live, now)
  if (!planned.ok) return planned
  if (change.kind === 'same') {
    if (!(await store.replaceHead(state.number, live, seen))) return undefined
    return { ok: true, value: found(now, planned.value, seen) }
  }
  let { number } = state
  for (const [index, step] of steps.entries()) {
    const isLast = index === steps.length - 1
    // A proxy that reads the store in between finds a head that the database is not, and the rule files for the rest.
    const recorded = await record(store, query, number, { ...step, fingerprint: isLast ? seen : state.fingerprint })
    if (recorded === undefined) return undefined
    number = recorded
  }
  const names = steps.map(({ name }) => name)
  return { ok: true, value: { ...found({ ...now, number }, planned.value, seen), found: names } }
}

function found(state: StoredState, versions: DeclaredVersions, seen: string): StoredVersions {
  return { state, versions, seen, unexplained: [], found: [] }
}

async function planChecked(
  { rules, declare, check }: ReadVersionsOptions,
  head: Catalog,
  { steps, retired }: StoredState,
): Promise<Checked<DeclaredVersions>> {
  const planned = await planVersions(head, rules, steps, declare)
  if (!planned.ok) return planned
  const problems = await check(planned.value)
  return problems.length > 0 ? { ok: false, problems } : { ok: true, value: withoutRetired(planned.value, retired) }
}

/** The versions as the store has them, and what identity shows of the database as it is. */
async function asStored(
  { rules, declare }: ReadVersionsOptions,
  state: StoredState,
  seen: string,
  live: Catalog,
  unexplained: readonly Problem[],
): Promise<Checked<StoredVersions>> {
  const name = nextStepName(state.steps)
  // A file of that name did not explain it.
  const others = rules.filter(({ version }) => version !== name)
  const planned = await planVersions(state.head, others, state.steps, declare)
  if (!planned.ok) return { ok: false, problems: unexplained }
  const change = describeUnexplained(name, state.head, live)
  const versions = withoutRetired(planned.value, state.retired)
  const generation = withUnexplained(versions.generation, change)
  return { ok: true, value: { ...found(state, { ...versions, generation }, seen), unexplained, change } }
}

/** Records a step that has taken place; undefined where another proxy was faster. */
async function record(
  store: Store,
  query: TextQuery,
  number: number,
  step: Parameters<Store['recordStep']>[2],
): Promise<number | undefined> {
  const token = await store.openSwitch(step.name)
  if (numberOfToken(token) !== number) return undefined
  try {
    return await store.recordStep(query, token, step)
  } catch (error) {
    if (serverErrorOf(error)?.sqlstate === '40001') return undefined
    throw error
  }
}
