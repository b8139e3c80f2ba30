import pg from 'pg'
import { describeUrl, type Started, startFailed } from './start-failure.js'

/** What a command of ours got for its one Query. */
export type Answer =
  | { readonly ok: true; readonly notices: readonly string[] }
  | { readonly ok: false; readonly notices: readonly string[]; readonly error: pg.DatabaseError }

export interface ProxyQuery {
  /** The proxy's URL. */
  readonly url: string
  /** `control` or `migrate`, with its value. */
  readonly setting: { readonly name: 'control' | 'migrate'; readonly value: string }
  /** Further settings, as `allow_breaking=on`. */
  readonly also?: readonly string[]
  readonly text: string
  readonly onNotice?: (text: string) => void
}

/** Where the proxy is: --url, else the app's own DATABASE_URL. */
export function proxyUrl(given: string | undefined): Started<string> {
  const url = given ?? process.env.DATABASE_URL
  if (url === undefined || url === '') {
    return startFailed('the proxy is not known', ['Give --url, or set DATABASE_URL as for the app.'], 2)
  }
  if (!URL.canParse(url) || !/^postgres(ql)?:$/.test(new URL(url).protocol)) {
    return startFailed(
      'the URL of the proxy is none of PostgreSQL',
      ['Expected postgres://user:password@host:port/database.'],
      2,
    )
  }
  return { ok: true, value: url }
}

/** Sends one Query to the running proxy, as any PostgreSQL client would. */
export async function askProxy({ url, setting, also = [], text, onNotice }: ProxyQuery): Promise<Started<Answer>> {
  const target = new URL(url)
  // In `options` a blank or a backslash within a value has a backslash before it.
  const option = `-c hotswap.${setting.name}=${setting.value.replace(/[\\\s]/g, '\\$&')}`
  const others = also.map((one) => `-c hotswap.${one}`)
  const options = [target.searchParams.get('options'), option, ...others].filter((part) => part !== null).join(' ')
  target.searchParams.delete('options')
  const client = new pg.Client({ connectionString: target.href, options, connectionTimeoutMillis: 10_000 })
  const notices: string[] = []
  client.on('notice', ({ message }) => {
    notices.push(message ?? '')
    onNotice?.(message ?? '')
  })
  client.on('error', () => undefined)
  try {
    await client.connect()
  } catch (error) {
    return startFailed(
      `cannot connect to the proxy at ${describeUrl(url)}: ${(error as Error).message || String(error)}`,
      ['Check the URL, and that `pg-hotswap serve` runs.'],
    )
  }
  try {
    await client.query(text)
    return { ok: true, value: { ok: true, notices } }
  } catch (error) {
    if (error instanceof pg.DatabaseError) return { ok: true, value: { ok: false, notices, error } }
    return startFailed(`the connection to the proxy was lost: ${String(error)}`)
  } finally {
    await client.end().catch(() => undefined)
  }
}

/**
 * Makes sure that the URL leads to a proxy of ours: PostgreSQL itself would take the setting `hotswap.migrate` without a
 * word and run the file. It does not know the command STATUS.
 */
export async function requireProxy(url: string): Promise<Started<string>> {
  const asked = await askProxy({ url, setting: { name: 'control', value: 'on' }, text: 'STATUS' })
  if (!asked.ok) return asked
  if (asked.value.ok) return { ok: true, value: asked.value.notices[0] ?? '{}' }
  return startFailed(`${describeUrl(url)} is not a pg-hotswap proxy that manages this database`, [
    'Let the URL name the host and port that `pg-hotswap serve` prints, and the database of its upstream.',
  ])
}

/** An error of the server or the proxy, as psql prints it. */
export function describeDatabaseError(error: pg.DatabaseError): string[] {
  return [
    ...(error.detail === undefined ? [] : error.detail.split('\n')),
    ...(error.hint === undefined ? [] : [`Hint: ${error.hint}`]),
  ]
}
