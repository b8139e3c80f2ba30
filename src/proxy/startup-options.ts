import type { StartupMessage } from '../wire/startup.js'

/** A StartupMessage with what was meant for the proxy taken out of it. */
export interface ManagedStartup {
  /** What the server gets; the client's own message where nothing was taken out. */
  readonly forwarded: StartupMessage
  /** Settings of the proxy, by what follows `hotswap.`: from options, from parameters, from the database alias. */
  readonly settings: ReadonlyMap<string, string>
}

/** The value of a parameter; names are case-sensitive, as in PostgreSQL. */
export function startupParameter(message: StartupMessage, name: string): string | undefined {
  return message.parameters.findLast(([key]) => key === name)?.[1]
}

/** The database that the client means, without an alias's version: `app@v1` -> app, where `app` is the managed one. */
export function databaseOf(message: StartupMessage, managed: string): string {
  const database = startupParameter(message, 'database') || startupParameter(message, 'user') || ''
  return database.startsWith(`${managed}@`) ? managed : database
}

export function isReplication(message: StartupMessage): boolean {
  const value = startupParameter(message, 'replication')
  return value !== undefined && !/^(?:false|f|no|n|off|of|0)$/i.test(value)
}

/** Takes `-c hotswap.NAME=VALUE`, parameters of that name and the alias's version out of a StartupMessage. */
export function takeSettings(message: StartupMessage, managed: string): ManagedStartup {
  const settings = new Map<string, string>()
  let changed = false
  const parameters: (readonly [string, string])[] = []
  for (const [name, value] of message.parameters) {
    if (name === 'database' && value.startsWith(`${managed}@`)) {
      settings.set('version', value.slice(managed.length + 1))
      parameters.push([name, managed])
      changed = true
    } else if (name === 'options') {
      const kept = takeFromOptions(value, settings)
      if (kept === value) parameters.push([name, value])
      else if (kept !== '') parameters.push([name, kept])
      changed ||= kept !== value
    } else if (/^hotswap\./i.test(name)) {
      settings.set(name.slice('hotswap.'.length).toLowerCase(), value)
      changed = true
    } else {
      parameters.push([name, value])
    }
  }
  return { forwarded: changed ? { ...message, parameters } : message, settings }
}

interface Argument {
  /** As it stands in the options, escapes and all. */
  readonly raw: string
  /** As pg_split_opts (postinit.c) reads it: a backslash takes the next character as it is. */
  readonly value: string
}

/** The options without the proxy's; the same string where there are none. */
function takeFromOptions(options: string, settings: Map<string, string>): string {
  const args = splitOptions(options)
  const kept: string[] = []
  let taken = false
  for (let at = 0; at < args.length; at++) {
    const arg = args[at] as Argument
    const separate = arg.value === '-c' && at + 1 < args.length
    const assignment = separate
      ? args[at + 1]?.value
      : /^(?:-c|--)(?=.)/s.test(arg.value)
        ? arg.value.slice(2)
        : undefined
    const setting = /^hotswap\.([^=]+)=(.*)$/is.exec(assignment ?? '')
    taken ||= setting !== null
    if (setting !== null) settings.set((setting[1] as string).toLowerCase().replaceAll('-', '_'), setting[2] as string)
    else kept.push(separate ? `${arg.raw} ${args[at + 1]?.raw}` : arg.raw)
    if (separate) at++
  }
  return taken ? kept.join(' ') : options
}

function splitOptions(options: string): Argument[] {
  const found = options.match(/(?:\\[\s\S]|[^\s\\])+\\?|\\$/g) ?? []
  return found.map((raw) => ({ raw, value: raw.replace(/\\([\s\S]?)/g, '$1') }))
}
