import type { Catalog, Relation } from '../../catalog/catalog.js'
import type { TextQuery } from '../../catalog/introspect.js'
import { errorFields } from '../../proxy/client-error.js'
import type { ClientError } from '../../proxy/contracts.js'
import type { StepRules } from '../../rewrite/plan-step.js'
import { refuseSpoken, type SpeakingProxy } from '../fleet/spoken-versions.js'
import type { AppliedStep } from '../plan-versions.js'
import { StatementFailure } from '../server-error.js'
import { asciiLiteral } from './sql-literal.js'
import { decodeCatalog, decodeRules, encodeCatalog, encodeRules } from './store-json.js'

/** What schema hotswap of the database says of its versions. */
export interface StoredState {
  /** Grows with every change of steps, default or retirement. */
  readonly number: number
  readonly steps: readonly AppliedStep[]
  readonly head: Catalog
  /** readFingerprint of the head. */
  readonly fingerprint: string
  /** What a client speaks that says nothing; pinned when the store was made. */
  readonly defaultVersion: string
  /** Versions that nobody may speak any more. */
  readonly retired: readonly string[]
}

/** A step as a switch records it. */
export interface RecordedStep {
  readonly name: string
  readonly before: Catalog
  readonly after: Catalog
  readonly rules: StepRules
  readonly accepted?: true
  /** readFingerprint of `after`. */
  readonly fingerprint: string
}

/** The version store of one database. All but `recordStep` runs on the control connection. */
export interface Store {
  read(): Promise<StoredState>
  /** The number alone: cheap enough to be asked every second. */
  readNumber(): Promise<number>
  /** Lets a migrator's transaction record the one step that follows the generation of now, which leads to `after`. */
  openSwitch(name: string, after?: Catalog): Promise<string>
  /**
   * Inside the migrator's own transaction, whose role needs no rights on the store; gives the new number. Rejects with 40001,
   * as a StatementFailure, where another switch was faster, or the token is of another step.
   */
  recordStep(query: TextQuery, token: string, step: RecordedStep): Promise<number>
  /** Asks as `recordStep` does with a token that opens nothing: the first time takes several times as long. */
  rehearseStep(query: TextQuery, number: number): Promise<void>
  /** The head as it is now, where no version changed; false where the store is not of this number any more. */
  replaceHead(number: number, head: Catalog, fingerprint: string): Promise<boolean>
  /** Does nothing where the version was retired meanwhile. */
  setDefault(name: string): Promise<void>
  /** Nobody may speak the version from now on; why not, where sessions of any proxy do. Does nothing where it is the default. */
  retire(name: string): Promise<ClientError | undefined>
}

/** Nothing is recorded then. */
export function anotherWasFaster(name: string): ClientError {
  return {
    sqlstate: '40001',
    message: `another switch was faster than ${name}`,
    hint: 'Nothing was changed. Run the migration again.',
  }
}

/** The number that a token of `openSwitch` goes out from. */
export function numberOfToken(token: string): number {
  return Number.parseInt(token, 10)
}

/** `system`: a catalog of the same server, which lends PostgreSQL's own relations to the stored ones. */
export function createStore(query: TextQuery, system: Catalog): Store {
  // Each head is recorded twice: when a step leads to it, and when one leads from it.
  const packed = new WeakMap<Catalog, Promise<string>>()
  const texts = new WeakMap<Relation, string>()
  const pack = (catalog: Catalog): Promise<string> => {
    const text = packed.get(catalog) ?? encodeCatalog(catalog, texts)
    packed.set(catalog, text)
    text.catch(() => packed.delete(catalog))
    return text
  }
  const unpack = async (text: string, earlier: Catalog): Promise<Catalog> => {
    const catalog = await decodeCatalog(text, earlier)
    packed.set(catalog, Promise.resolve(text))
    return catalog
  }
  return {
    async read() {
      // One statement, so that everything is of one moment.
      const [row] = await query(
        `SELECT s.number, s.head, s.fingerprint, s.default_version, pg_catalog.array_to_json(s.retired), (
           SELECT pg_catalog.json_agg(pg_catalog.json_build_array(t.name, t.before, t.rules) ORDER BY t.number)
           FROM hotswap.step t)
         FROM hotswap.state s`,
      )
      if (row === undefined) throw new Error('the version store is empty')
      const [number, head, fingerprint, defaultVersion, retired, steps] = row
      const newest = await unpack(head ?? '', system)
      return {
        number: Number(number),
        head: newest,
        fingerprint: fingerprint ?? '',
        defaultVersion: defaultVersion ?? '',
        retired: JSON.parse(retired ?? '[]') as string[],
        steps: await Promise.all(
          (JSON.parse(steps ?? '[]') as [string, string, string][]).map(async ([name, before, rules]) => ({
            name,
            before: await unpack(before, newest),
            ...decodeRules(rules),
          })),
        ),
      }
    },
    async readNumber() {
      return Number((await query('SELECT s.number FROM hotswap.state s'))[0]?.[0])
    },
    async openSwitch(name, after) {
      // Once the server has been asked something else, and for the most part in other threads.
      if (after !== undefined) setImmediate(() => pack(after))
      const rows = await query(`SELECT hotswap.step_token(s.number, ${asciiLiteral(name)}) FROM hotswap.state s`)
      return rows[0]?.[0] ?? ''
    },
    async recordStep(session, token, { name, before, after, fingerprint, ...step }) {
      const catalogs = await Promise.all([pack(before), pack(after)])
      const values = [token, name, ...catalogs, encodeRules(step), fingerprint]
      const rows = await session(`SELECT hotswap.record_step(${values.map(asciiLiteral).join(', ')})`)
      const number = rows[0]?.[0] ?? null
      if (number === null) throw new StatementFailure(errorFields(anotherWasFaster(name)))
      return Number(number)
    },
    async rehearseStep(session, number) {
      await session(`SELECT hotswap.record_step('${number}.', '', '', '', '', '')`)
    },
    async replaceHead(number, head, fingerprint) {
      const rows = await query(
        `UPDATE hotswap.state SET head = ${asciiLiteral(await pack(head))}, fingerprint = ${asciiLiteral(fingerprint)}
         WHERE number = ${number} RETURNING number`,
      )
      return rows.length > 0
    },
    async setDefault(name) {
      await query(
        `UPDATE hotswap.state SET number = number + 1, default_version = ${asciiLiteral(name)}
         WHERE ${asciiLiteral(name)} <> ALL (retired)`,
      )
    },
    async retire(name) {
      const [row] = await query(`SELECT hotswap.retire_version(${asciiLiteral(name)})`)
      return refuseSpoken(name, JSON.parse(row?.[0] ?? '[]') as SpeakingProxy[])
    },
  }
}
