/** Why the proxy was not started, in words that say what to do. */
export interface StartFailure {
  readonly message: string
  /** Further lines: where, and what to do. */
  readonly details: readonly string[]
  /** 1: the world is not as it must be; 2: what was asked for makes no sense. */
  readonly exitCode: 1 | 2
}

export type Started<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly failure: StartFailure }

export function startFailed(message: string, details: readonly string[] = [], exitCode: 1 | 2 = 1): Started<never> {
  return { ok: false, failure: { message, details, exitCode } }
}

/** `host:port/database` of a URL: what may be printed of it, since the rest may be secret. */
export function describeUrl(url: string): string {
  const { hostname, port, pathname } = new URL(url)
  return `${hostname}:${port || '5432'}${pathname}`
}

/** Why the address cannot be listened on. */
export function listenFailure(error: unknown, host: string, port: number): Started<never> {
  const code = (error as NodeJS.ErrnoException).code
  if (code === 'EADDRINUSE') {
    return startFailed(`port ${port} on ${host} is in use`, [
      'Another program listens there, maybe another pg-hotswap: stop it, or choose another port with --listen.',
    ])
  }
  if (code === 'EACCES')
    return startFailed(`no permission to listen on port ${port}`, ['Ports below 1024 need privileges.'])
  if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND') {
    return startFailed(`${host} is not an address of this machine`, ['Set listen.host (--listen) to one that is.'])
  }
  throw error
}

/** Why the database cannot be reached; anything else is thrown on. */
export function connectFailure(error: unknown, what: 'upstream' | 'control', url: string): Started<never> {
  const { code, message } = connectError(error)
  const target = `cannot connect to the ${what} database at ${describeUrl(url)}: ${message}`
  const hint = hints[code ?? '']
  return startFailed(target, [hint ?? `Check the "${what}" URL, and that the server runs and lets this machine in.`])
}

const hints: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'Nothing listens there: check host and port of the URL, and that the server runs.',
  ENOTFOUND: 'The host name is not known: check the URL.',
  EAI_AGAIN: 'The host name cannot be resolved now: check the URL and the network.',
  ETIMEDOUT: 'The server does not answer: check host, port and firewall.',
  '28P01': 'The password is wrong: check user and password of the URL.',
  '28000': "The server does not let this user in: check the user of the URL and the server's pg_hba.conf.",
  '3D000': 'There is no such database: check the last part of the URL.',
}

function connectError(error: unknown): { code: string | undefined; message: string } {
  // Node gives an AggregateError, without a message, for a host with several addresses.
  const single = error instanceof AggregateError ? (error.errors[0] as unknown) : error
  const { code, message } = single as NodeJS.ErrnoException
  return { code, message: message || String(code) }
}
