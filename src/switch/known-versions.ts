import type { Catalog } from '../catalog/catalog.js'
import { readFingerprint } from '../catalog/fingerprint.js'
import { introspect, type TextQuery } from '../catalog/introspect.js'
import type { DeclaredVersions, DeclareOptions } from '../config/declare.js'
import type { Checked, Problem } from '../config/problem.js'
import type { RuleFile } from '../config/rule-file.js'
import { errorFields } from '../proxy/client-error.js'
import type { ClientError } from '../proxy/contracts.js'
import { checkCasts } from './casts.js'
import { checkInserts, tryOn } from './check-inserts.js'
import { type AppliedStep, headOf, planVersions, withoutRetired } from './plan-versions.js'
import { StatementFailure, serverErrorOf } from './server-error.js'
import { readVersions } from './store/read-versions.js'
import { anotherWasFaster, numberOfToken, type RecordedStep, type Store } from './store/store.js'
import type { UnexplainedChange } from './store/unexplained.js'

/** What a proxy knows of the versions of its database. */
export interface KnownVersions {
  readonly versions: DeclaredVersions
  readonly steps: readonly AppliedStep[]
  readonly defaultVersion: string
  readonly retired: readonly string[]
  /** The store's number; 0 without a store. */
  readonly number: number
  /** The fingerprint of the database when it was looked at last. */
  readonly seen: string
  /** Why the database is not the newest version, where no rule file says it. */
  readonly unexplained: readonly Problem[]
  /** What is known of that: statements that name the rest of it are refused. */
  readonly change?: UnexplainedChange | undefined
  /** Steps that were found now. */
  readonly found: readonly string[]
}

/** Where versions come from, and where new ones are kept. */
export interface VersionReader {
  /** Cheap enough to be asked every second. */
  isOther(known: KnownVersions): Promise<boolean>
  /** `checked`: what rules say in SQL is checked by the server. `known`: what was known before; absent at the start. */
  read(
    rules: readonly RuleFile[],
    declare: DeclareOptions,
    checked: boolean,
    known?: KnownVersions,
  ): Promise<Checked<KnownVersions>>
  /** Gets ready to record a step that leads to `after`; gives what `record` wants. */
  openSwitch(name: string, after: Catalog): Promise<string>
  /** In a migration's transaction; rejects with StatementFailure. Gives the number that the store will have. */
  record(known: KnownVersions, query: TextQuery, step: RecordedStep, token: string): Promise<number>
  /** Asks what `record` does, and stores nothing. */
  rehearse(known: KnownVersions, query: TextQuery): Promise<void>
  /** What is known then, undefined where that is to be read; or why not. */
  setDefault(name: string, known: KnownVersions): Promise<KnownVersions | undefined>
  retire(name: string, known: KnownVersions): Promise<KnownVersions | ClientError | undefined>
}

/** Rule files alone say which versions there are; what migrations add is remembered as long as the proxy runs. */
export function createDeclaredReader(query: TextQuery): VersionReader {
  return {
    isOther: async ({ seen }) => (await readFingerprint(query)) !== seen,
    async read(rules, declare, checked, known) {
      const { steps, retired } = known ?? { steps: [], retired: [] }
      // In this order: what changes in between is seen as a change later.
      const seen = await readFingerprint(query)
      const live = await introspect(query, known && headOf(known.versions))
      const planned = await planVersions(live, rules, steps, declare)
      if (!planned.ok) return planned
      const problems = checked ? await checkRules(query, planned.value, rules) : []
      if (problems.length > 0) return { ok: false, problems }
      const versions = withoutRetired(planned.value, retired)
      // Pinned for the proxy's life: an app that connects after a migration still speaks what it spoke before.
      const defaultVersion = known?.defaultVersion ?? planned.value.generation.versions[0]?.name ?? ''
      return {
        ok: true,
        value: { versions, steps, defaultVersion, retired, number: 0, seen, unexplained: [], found: [] },
      }
    },
    openSwitch: async () => '',
    record: async () => 0,
    rehearse: async () => undefined,
    setDefault: async (name, known) => ({ ...known, defaultVersion: name }),
    async retire(name, known) {
      const retired = [...known.retired, name]
      return { ...known, retired, versions: withoutRetired(known.versions, retired) }
    },
  }
}

/** The store says which versions there are, and rule files what it does not know yet. */
export function createStoredReader(store: Store, query: TextQuery): VersionReader {
  return {
    async isOther({ number, seen }) {
      return (await store.readNumber()) !== number || (await readFingerprint(query)) !== seen
    },
    async read(rules, declare, checked) {
      const check = async (versions: DeclaredVersions) => (checked ? await checkRules(query, versions, rules) : [])
      const read = await readVersions({ store, query, rules, declare, check })
      if (!read.ok) return read
      const { state, versions, seen, unexplained, change, found } = read.value
      const { steps, defaultVersion, retired, number } = state
      return { ok: true, value: { versions, steps, defaultVersion, retired, number, seen, unexplained, change, found } }
    },
    openSwitch: (name, after) => store.openSwitch(name, after),
    async record({ number }, session, step, token) {
      if (numberOfToken(token) !== number) throw new StatementFailure(errorFields(anotherWasFaster(step.name)))
      try {
        return await store.recordStep(session, token, step)
      } catch (error) {
        throw withHint(error)
      }
    },
    rehearse: ({ number }, session) => store.rehearseStep(session, number),
    async setDefault(name) {
      await store.setDefault(name)
      return undefined
    },
    retire: (name) => store.retire(name),
  }
}

function withHint(error: unknown): unknown {
  const known = serverErrorOf(error)
  if (known?.sqlstate !== '42501') return error
  return new StatementFailure(
    errorFields({
      sqlstate: known.sqlstate,
      message: `the migration was rolled back: its role may not record the step in the version store: ${known.message}`,
      hint: 'Let an owner of the store do this once: GRANT USAGE ON SCHEMA hotswap TO PUBLIC; GRANT EXECUTE ON FUNCTION hotswap.record_step TO PUBLIC;',
    }),
  )
}

async function checkRules(
  query: TextQuery,
  { generation }: DeclaredVersions,
  rules: readonly RuleFile[],
): Promise<readonly Problem[]> {
  return [
    ...(await checkInserts(tryOn(query), generation, rules)),
    ...(await checkCasts(tryOn(query), generation, rules)),
  ]
}
