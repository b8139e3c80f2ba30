import pg from 'pg'
import type { TextQuery } from '../../catalog/introspect.js'
import type { Description } from '../../proxy/contracts.js'
import { fromByteString, toByteString } from '../../sql/byte-string.js'

/** A connection that has statements described. */
export interface Describer {
  readonly query: TextQuery
  /** Parses and describes a statement (ByteString) without running it. */
  describe(text: string, parameterOids: readonly number[]): Promise<Description>
  end(): Promise<void>
}

export interface DescriberOptions {
  readonly url: string
  readonly applicationName: string
  /** Milliseconds until an attempt to connect fails. */
  readonly connectMs: number
}

/** Connects; rejects with the error of `pg` or of the socket. No statement of it waits for a lock for long. */
export async function connectDescriber({ url, applicationName, connectMs }: DescriberOptions): Promise<Describer> {
  const client = new pg.Client({
    connectionString: url,
    application_name: applicationName,
    connectionTimeoutMillis: connectMs,
    query_timeout: 30_000,
    options: '-c jit=off',
  })
  // A lost connection fails what is asked next.
  client.on('error', () => undefined)
  await client.connect()
  /** One after the other. */
  let last: Promise<unknown> = Promise.resolve()
  const inTurn = <T>(task: () => Promise<T>): Promise<T> => {
    const done = last.then(task)
    last = done.catch(() => undefined)
    return done
  }
  return {
    query: (text) =>
      inTurn(async () => {
        // Of several statements the last one counts.
        const results = [await client.query({ text, rowMode: 'array', types: asText })].flat()
        return results.at(-1)?.rows ?? []
      }),
    describe: (text, oids) =>
      inTurn(
        () =>
          new Promise((resolve, reject) => {
            client.query(describeQuery(fromByteString(text) ?? text, oids, resolve, reject))
          }),
      ),
    end: () => client.end(),
  }
}

const asText = { getTypeParser: () => (value: string) => value } as unknown as pg.CustomTypesConfig

interface Field {
  readonly name: string
  readonly dataTypeID: number
  readonly dataTypeModifier: number
}

/** What `pg` calls, by its names, while the answer comes: a Submittable, as pg-cursor is one. */
function describeQuery(
  text: string,
  parameterOids: readonly number[],
  resolve: (description: Description) => void,
  reject: (error: Error) => void,
): pg.Submittable {
  let parameters: readonly number[] = []
  let fields: Extract<Description, { ok: true }>['fields'] = []
  const onParameters = ({ dataTypeIDs }: { dataTypeIDs: number[] }) => {
    parameters = dataTypeIDs
  }
  let stop = () => {}
  const query = {
    submit(connection: pg.Connection) {
      connection.on('parameterDescription', onParameters)
      stop = () => connection.removeListener('parameterDescription', onParameters)
      connection.parse({ name: '', text, types: parameterOids as unknown as string[] }, true)
      connection.describe({ type: 'S', name: '' }, true)
      connection.sync()
    },
    handleRowDescription(message: { fields: readonly Field[] }) {
      fields = message.fields.map(({ name, dataTypeID, dataTypeModifier }) => ({
        name: toByteString(name),
        typeOid: dataTypeID,
        typmod: dataTypeModifier,
      }))
    },
    handleError(error: pg.DatabaseError) {
      // The last that is told of it: `pg` takes the ReadyForQuery for itself. Without a code the connection is gone.
      stop()
      if (error.code === undefined) reject(error)
      else resolve({ ok: false, error: fieldsOf(error) })
    },
    handleReadyForQuery() {
      stop()
      resolve({ ok: true, parameters, fields })
    },
    callback: () => {},
  }
  return query
}

function fieldsOf({ code, message, hint, detail }: pg.DatabaseError): ReadonlyMap<string, string> {
  const fields = new Map([
    ['C', code ?? ''],
    ['M', message],
  ])
  if (detail !== undefined) fields.set('D', detail)
  if (hint !== undefined) fields.set('H', hint)
  return fields
}
