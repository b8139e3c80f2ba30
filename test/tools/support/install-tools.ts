import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { TestProject } from 'vitest/node'
import { runTool } from './run-tool.js'

/** A tool's folder, or why there is none. */
export type Installed = { readonly folder: string } | { readonly skipped: string }

declare module 'vitest' {
  interface ProvidedContext {
    tools: Readonly<Record<ToolName, Installed>>
  }
}

export type ToolName = 'alembic' | 'django' | 'flyway' | 'goose' | 'knex' | 'prisma'

type Commands = (folder: string) => readonly {
  readonly command: readonly string[]
  readonly environment?: Readonly<Record<string, string>>
}[]

const python = (...packages: readonly string[]): Commands => {
  return (folder) => [
    { command: ['python3', '-m', 'venv', folder] },
    { command: [join(folder, 'bin', 'pip'), 'install', '--quiet', ...packages] },
  ]
}

/** Without install scripts: Prisma's fetch engines from elsewhere, while the package brings one in JavaScript. */
const node = (...packages: readonly string[]): Commands => {
  const options = ['--no-audit', '--no-fund', '--no-save', '--ignore-scripts']
  return (folder) => [{ command: ['npm', 'install', ...options, '--prefix', folder, ...packages] }]
}

// Goose knows drivers of many databases, which take minutes to build.
const OTHER_DATABASES = 'clickhouse libsql mssql mysql spanner sqlite3 starrocks turso vertica ydb'

const flywayPlan = fileURLToPath(new URL('../flyway/pom.xml', import.meta.url))

/** How each tool is installed into a folder of its own, with the versions that were tried. */
const recipes: Readonly<Record<ToolName, Commands>> = {
  alembic: python('alembic==1.20.*', 'psycopg[binary]==3.3.*'),
  django: python('Django==5.2.*', 'psycopg[binary]==3.3.*'),
  // Jars without versions in their names, so that another version takes their place.
  flyway: (folder) => [
    { command: ['java', '--version'] },
    {
      command: [
        ...['mvn', '--batch-mode', '--quiet', '--file', flywayPlan, 'dependency:copy-dependencies'],
        ...['-Dflyway=13.12.0', '-Dpgjdbc=42.7.14', '-Dmdep.stripVersion', '-Dmdep.overWriteReleases'],
        `-DoutputDirectory=${folder}`,
      ],
    },
  ],
  goose: (folder) => [
    {
      command: [
        'go',
        'install',
        `-tags=${OTHER_DATABASES.replaceAll(/\w+/g, 'no_$&')}`,
        'github.com/pressly/goose/v3/cmd/goose@v3.29.0',
      ],
      environment: { GOBIN: folder },
    },
  ],
  knex: node('knex@3.3', 'pg@8'),
  prisma: node('prisma@6.19', '@prisma/adapter-pg@6.19', 'pg@8'),
}

const cache = fileURLToPath(new URL('../../../node_modules/.cache/pg-hotswap-tools', import.meta.url))

/** Installs what is not installed yet, and says what cannot be. */
export async function setup(project: TestProject): Promise<void> {
  const tools: [string, Installed][] = []
  for (const name of Object.keys(recipes) as ToolName[]) {
    const installed = await install(name)
    tools.push([name, installed])
    process.stdout.write(`${name}: ${'folder' in installed ? 'installed' : `SKIPPED, ${installed.skipped}`}\n`)
  }
  project.provide('tools', Object.fromEntries(tools) as Record<ToolName, Installed>)
}

async function install(name: ToolName): Promise<Installed> {
  const folder = join(cache, name)
  const commands = recipes[name](folder)
  const done = join(folder, '.installed')
  const recipe = JSON.stringify(commands)
  if ((await readFile(done, 'utf8').catch(() => '')) === recipe) return { folder }
  await mkdir(folder, { recursive: true })
  for (const { command, environment } of commands) {
    const run = await runTool(command, environment === undefined ? {} : { environment }).catch((error: Error) => error)
    if (run instanceof Error) return { skipped: `${command[0]} cannot be run: ${run.message}` }
    if (run.code !== 0) {
      const reason = run.output.trim().split('\n').slice(-3).join(' ')
      return { skipped: `"${command.slice(0, 3).join(' ')}" failed: ${reason}` }
    }
  }
  await writeFile(done, recipe)
  return { folder }
}
