import { toByteString } from '../../src/sql/byte-string.js'
import type { BackendMessage } from '../../test/support/backend-message.js'
import { describe, parse, query, sync } from '../../test/support/frontend-message.js'
import { connectRaw, type RawClient, type RawClientOptions } from '../../test/support/raw-client.js'

/** What a client learns of a statement before it runs it. */
export interface Description {
  readonly kind: 'described'
  readonly parameters: readonly number[]
  /** Undefined where the statement returns no rows. */
  readonly columns: readonly DescribedColumn[] | undefined
  /** Why no plan could be made; undefined where one was. */
  readonly planError: ServerError | undefined
}

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
  describeAll(texts: readonly string[]): Promise<readonly Answer[]>
  end(): Promise<void>
}

const CHUNK = 50

export async function connectStatements(options: RawClientOptions): Promise<StatementClient> {
  let client = await openPlanning(options)
  return {
    async describeAll(texts) {
      const answers: Answer[] = []
      // A statement that ends the connection is found by asking the others of its chunk one by one.
      const ask = async (chunk: readonly string[]): Promise<void> => {
        try {
          answers.push(...(await describeChunk(client, chunk)))
        } catch (error) {
          client = await openPlanning(options)
          if (chunk.length > 1) for (const text of chunk) await ask([text])
          else answers.push({ kind: 'error', sqlstate: '08006', message: String(error), hint: undefined })
        }
      }
      for (let at = 0; at < texts.length; at += CHUNK) await ask(texts.slice(at, at + CHUNK))
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

async function describeChunk(client: RawClient, texts: readonly string[]): Promise<readonly Answer[]> {
  texts.forEach((text, index) => {
    client.send(parse(`s${index}`, toByteString(text)), describe('S', `s${index}`), sync())
  })
  const described: Answer[] = []
  for (const _ of texts) described.push(answerOf(await client.untilReady()))
  const prepared = described.flatMap((answer, index) => (answer.kind === 'described' ? [{ answer, index }] : []))
  for (const { answer, index } of prepared) {
    const values = answer.parameters.length === 0 ? '' : `(${answer.parameters.map(() => 'NULL').join(', ')})`
    client.send(query(`EXPLAIN (COSTS OFF) EXECUTE s${index}${values}`))
  }
  for (const { answer, index } of prepared) {
    const planError = errorIn(await client.untilReady())
    described[index] = { ...answer, planError }
  }
  client.send(query('DEALLOCATE ALL'))
  await client.untilReady()
  return described
}

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
  return { kind: 'described', parameters, columns, planError: undefined }
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
