import { existsSync } from 'node:fs'
import type { Command } from 'commander'
import { InvalidArgumentError } from 'commander'
import { type Config, type ConfigFlags, loadConfig } from '../config/load-config.js'
import type { Checked } from '../config/problem.js'

/** The options of commands that need a configuration. */
export interface ConfigOptions {
  readonly config?: string
  readonly upstream?: string
  readonly control?: string
  readonly listen?: { readonly host?: string; readonly port: number }
  readonly rules?: string
  readonly defaultVersion?: string
  readonly logLevel?: string
}

export function addConfigOptions(command: Command): Command {
  return command
    .option('-c, --config <file>', 'configuration file (default: hotswap.yaml where it exists)')
    .option('--upstream <url>', 'URL of the PostgreSQL server and database [HOTSWAP_UPSTREAM]')
    .option('--control <url>', "URL of the proxy's own connection, never through a pooler [HOTSWAP_CONTROL]")
    .option('--rules <folder>', 'folder of rule files [HOTSWAP_RULES]')
}

/** `6432`, `0.0.0.0:6432`, `[::1]:6432`. */
export function parseListen(text: string): { readonly host?: string; readonly port: number } {
  const match = /^(?:(\[[^\]]+\]|[^:]+):)?(\d+)$/.exec(text)
  const port = Number(match?.[2])
  if (match === null || port > 65535) throw new InvalidArgumentError('expected PORT or HOST:PORT, e.g. 127.0.0.1:6432')
  const host = match[1]?.replace(/^\[|\]$/g, '')
  return host === undefined ? { port } : { host, port }
}

/** The file named by --config, or hotswap.yaml where there is one; flags stand above it, HOTSWAP_* below it. */
export async function readConfig(options: ConfigOptions): Promise<Checked<Config>> {
  const environment = process.env
  const file = options.config ?? (existsSync('hotswap.yaml') ? 'hotswap.yaml' : undefined)
  const fallback = file === undefined ? environmentFlags(environment) : {}
  const flags: ConfigFlags = {
    ...fallback,
    ...(options.upstream === undefined ? {} : { upstream: options.upstream }),
    ...(options.control === undefined ? {} : { control: options.control }),
    ...(options.listen === undefined ? {} : { listen: options.listen }),
    ...(options.rules === undefined ? {} : { rules: options.rules }),
    ...(options.defaultVersion === undefined ? {} : { default_version: options.defaultVersion }),
    ...(options.logLevel === undefined ? {} : { log: { level: options.logLevel } }),
  }
  if (file === undefined && flags.upstream === undefined) {
    return {
      ok: false,
      problems: [
        {
          place: { file: 'command line', line: 1, column: 1 },
          message: 'the PostgreSQL server is not known: give --upstream URL, HOTSWAP_UPSTREAM, or a hotswap.yaml',
        },
      ],
    }
  }
  return await loadConfig({ ...(file === undefined ? {} : { file }), flags, environment })
}

function environmentFlags(environment: Readonly<Record<string, string | undefined>>): ConfigFlags {
  const { HOTSWAP_UPSTREAM: upstream, HOTSWAP_CONTROL: control, HOTSWAP_RULES: rules } = environment
  return {
    ...(upstream ? { upstream } : {}),
    ...(control ? { control } : {}),
    ...(rules ? { rules } : {}),
  }
}
