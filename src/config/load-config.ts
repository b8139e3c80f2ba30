import { readFile } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { type ConfigInput, configSchema, laterConfigKeys } from './config-schema.js'
import { expandVariables } from './expand-variables.js'
import { fileProblem } from './load-rules.js'
import type { Checked, Problem } from './problem.js'
import { parseDuration, parseSize } from './units.js'
import { validate } from './validate.js'
import { parseYaml, type YamlSource } from './yaml-source.js'

/** What `serve` needs to know; frozen. */
export interface Config {
  readonly listen: { readonly host: string; readonly port: number }
  /** URL of the server and the managed database. */
  readonly upstream: string
  /** URL of the proxy's own connection. */
  readonly control: string
  /** Absolute path of the folder of rule files. */
  readonly rules: string | undefined
  readonly defaultVersion: string | undefined
  readonly clients: readonly ClientRule[]
  readonly hold: {
    readonly timeoutMs: number
    readonly lockTimeoutMs: number
    readonly retries: number
    readonly checkMs: number
  }
  readonly cacheBytes: number
  readonly pollMs: number
  readonly watch: boolean
  /** Whether versions are kept in the database. */
  readonly store: boolean
  readonly logLevel: ConfigInput['log']['level']
}

/** Which clients speak a version without saying so themselves. */
export interface ClientRule {
  readonly applicationName: string | undefined
  readonly user: string | undefined
  readonly version: string
}

/** Settings of the command line, which stand above those of the file; keys as in the file. */
export interface ConfigFlags {
  readonly listen?: { readonly host?: string; readonly port?: number }
  readonly upstream?: string
  readonly control?: string
  readonly rules?: string
  readonly default_version?: string
  readonly log?: { readonly level: string }
  readonly store?: boolean
}

export interface LoadConfigOptions {
  /** Path of hotswap.yaml; without one the flags alone count. */
  readonly file?: string
  readonly flags?: ConfigFlags
  readonly environment: Readonly<Record<string, string | undefined>>
}

/** Reads and checks the configuration. Gives every problem of it. */
export async function loadConfig({ file, flags = {}, environment }: LoadConfigOptions): Promise<Checked<Config>> {
  let text = ''
  if (file !== undefined) {
    try {
      text = await readFile(file, 'utf8')
    } catch (error) {
      return { ok: false, problems: [fileProblem(file, 'the configuration', error)] }
    }
  }
  const parsed = parseYaml(file ?? 'command line', text)
  if (!parsed.ok) return parsed
  const expanded = expandVariables(parsed.value, environment)
  const value = overlay(expanded.value, flags)
  const checked = validate(configSchema, parsed.value, value, laterConfigKeys)
  const problems = [...expanded.problems.filter((problem) => !isOverridden(problem, parsed.value, flags))]
  if (!checked.ok) {
    const reported = new Set(problems.map(({ place }) => `${place.line}:${place.column}`))
    problems.push(...checked.problems.filter(({ place }) => !reported.has(`${place.line}:${place.column}`)))
  }
  if (problems.length > 0 || !checked.ok) return { ok: false, problems }
  return { ok: true, value: freezeConfig(checked.value, file, flags) }
}

/** A flag stands in place of the file's value, so what is wrong with that value does not count. */
function isOverridden(problem: Problem, source: YamlSource, flags: ConfigFlags): boolean {
  return Object.keys(flags).some((key) => {
    const place = source.placeOf([key])
    return place.line === problem.place.line && place.column === problem.place.column
  })
}

function overlay(value: unknown, flags: ConfigFlags): unknown {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return value
  const result: Record<string, unknown> = { ...value }
  for (const [key, flag] of Object.entries(flags)) {
    const below = result[key]
    const merges = typeof flag === 'object' && below !== null && typeof below === 'object'
    result[key] = merges ? { ...below, ...flag } : flag
  }
  return result
}

function freezeConfig(input: ConfigInput, file: string | undefined, flags: ConfigFlags): Config {
  // A path in the file is relative to the file, a path on the command line to where the command runs.
  const base = file === undefined || flags.rules !== undefined ? process.cwd() : dirname(resolve(file))
  return Object.freeze({
    listen: Object.freeze(input.listen),
    upstream: input.upstream,
    control: input.control ?? input.upstream,
    rules: input.rules === undefined ? undefined : resolve(base, input.rules),
    defaultVersion: input.default_version,
    clients: Object.freeze(
      input.clients.map((client) =>
        Object.freeze({ applicationName: client.application_name, user: client.user, version: client.version }),
      ),
    ),
    hold: Object.freeze({
      timeoutMs: parseDuration(input.hold.timeout) ?? 0,
      lockTimeoutMs: parseDuration(input.hold.lock_timeout) ?? 0,
      retries: input.hold.retries,
      checkMs: parseDuration(input.hold.check) ?? 0,
    }),
    cacheBytes: parseSize(input.cache.max_bytes) ?? 0,
    pollMs: parseDuration(input.poll) ?? 0,
    watch: input.watch,
    store: input.store,
    logLevel: input.log.level,
  })
}
