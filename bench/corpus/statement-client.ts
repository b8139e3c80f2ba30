import { toByteString } from '../../src/sql/byte-string.js'
import type { BackendMessage } from '../../test/support/backend-message.js'
import { bind, describe, execute, parse, query, sync } from '../../test/support/frontend-message.js'
import { connectRaw, type RawClient, type RawClientOptions } from '../../test/support/raw-client.js'
import type { CorpusQuery, Trial } from './project.js'

/** What a client learns of a statement before it runs it. */
export interface Description {
  readonly kind: 'described'
  readonly parameters: readonly number[]
  /** Undefined where the statement returns no rows. */
  readonly columns: readonly DescribedColumn[] | undefined
  /** Why no plan could be made; undefined where one was. */
  readonly planError: ServerError | undefined
  /** What its trial gave; undefined where there was none. */
  readonly trial: TrialOutcome | undefined
}

/** Rows as text, or the error. */
export type TrialOutcome =
  | ServerError
  | { readonly kind: 'rows'; readonly rows: readonly (readonly (string | null)[])[] }

export interface DescribedColumn {
  readonly name: string
  readonly typeOid: number
  readonly typmod: number
}

export interface ServerError {
  readonly kind: 'error'
  readonly sqlstate: string
  readonly message: string
  readonly hint: string | undefined
}

export type Answer = Description | ServerError

/** A client that prepares statements, has them described, and has their plans made. */
export interface StatementClient {
  describeAll(queries: readonly CorpusQuery[]): Promise<readonly Answer[]>
  end(): Promise<void>
}

const CHUNK = 50

export async function connectStatements(options: RawClientOptions): Promise<StatementClient> {
  let client = await openPlanning(options)
  return {
    async describeAll(queries) {
      const answers: Answer[] = []
      // A statement that ends the connection is found by asking the others of its chunk one by one.
      const ask = async (chunk: readonly CorpusQuery[]): Promise<void> => {
        try {
          answers.push(...(await describeChunk(client, chunk)))
        } catch (error) {
          client = await openPlanning(options)
          if (chunk.length > 1) for (const query of chunk) await ask([query])
          else answers.push({ kind: 'error', sqlstate: '08006', message: String(error), hint: undefined })
        }
      }
      for (let at = 0; at < queries.length; at += CHUNK) await ask(queries.slice(at, at + CHUNK))
      return answers
    },
    end: () => client.end(),
  }
}

async function openPlanning(options: RawClientOptions): Promise<RawClient> {
  const client = await connectRaw(options)
  // What PREPARE alone does not find, a missing arbiter index or grant, the planner does.
  client.send(query('SET plan_cache_mode = force_generic_plan'))
  await client.untilReady()
  return client
}

async function describeChunk(client: RawClient, queries: readonly CorpusQuery[]): Promise<readonly Answer[]> {
  queries.forEach(({ sql }, index) => {
    client.send(parse(`s${index}`, toByteString(sql)), describe('S', `s${index}`), sync())
  })
  const described: Answer[] = []
  for (const _ of queries) described.push(answerOf(await client.untilReady()))
  const prepared = described.flatMap((answer, index) => (answer.kind === 'described' ? [{ answer, index }] : []))
  for (const { answer, index } of prepared) {
    const values = answer.parameters.length === 0 ? '' : `(${answer.parameters.map(() => 'NULL').join(', ')})`
    client.send(query(`EXPLAIN (COSTS OFF) EXECUTE s${index}${values}`))
  }
  const trials: { readonly index: number; readonly trial: Trial }[] = []
  for (const { answer, index } of prepared) {
    const planError = errorIn(await client.untilReady())
    const trial = queries[index]?.trial
    described[index] = { ...answer, planError }
    if (planError === undefined && trial !== undefined) trials.push({ index, trial })
  }
  for (const { index, trial } of trials) {
    const answer = described[index]
    if (answer?.kind === 'described') described[index] = { ...answer, trial: await tryOut(client, `s${index}`, trial) }
  }
  client.send(query('DEALLOCATE ALL'))
  await client.untilReady()
  return described
}

/** Runs a prepared statement and undoes what it did. */
async function tryOut(client: RawClient, name: string, { values, first }: Trial): Promise<TrialOutcome> {
  // Triggers and foreign keys rest: one row alone could not satisfy them.
  client.send(query('BEGIN; SET LOCAL session_replication_role = replica'))
  await client.untilReady()
  if (first !== undefined) {
    client.send(parse('', toByteString(first.sql)), bind('', '', first.values.map(asBytes), 0), execute(''), sync())
    const error = errorIn(await client.untilReady())
    if (error !== undefined) {
      client.send(query('ROLLBACK'))
      await client.untilReady()
      return error
    }
  }
  client.send(bind('', name, values.map(asBytes), 0), execute(''), sync())
  const messages = await client.untilReady()
  client.send(query('ROLLBACK'))
  await client.untilReady()
  const rows = messages.flatMap((message) =>
    message.type === 'DataRow' ? [message.values.map((value) => value?.toString() ?? null)] : [],
  )
  return errorIn(messages) ?? { kind: 'rows', rows }
}

const asBytes = (value: string | null) => (value === null ? null : toByteString(value))

function answerOf(messages: readonly BackendMessage[]): Answer {
  const error = errorIn(messages)
  if (error !== undefined) return error
  let parameters: readonly number[] = []
  let columns: readonly DescribedColumn[] | undefined
  for (const message of messages) {
    if (message.type === 'ParameterDescription') parameters = message.oids
    if (message.type === 'RowDescription') {
      columns = message.fields.map(({ name, typeOid, typmod }) => ({ name, typeOid, typmod }))
    }
  }
  return { kind: 'described', parameters, columns, planError: undefined, trial: undefined }
}

function errorIn(messages: readonly BackendMessage[]): ServerError | undefined {
  const found = messages.find((message) => message.type === 'ErrorResponse')
  if (found?.type !== 'ErrorResponse') return undefined
  const { fields } = found
  return {
    kind: 'error',
    sqlstate: fields.get('C') ?? '',
    message: fields.get('M') ?? '',
    hint: fields.get('H'),
  }
}
