import { z } from 'zod'
import { parseDuration, parseSize } from './units.js'
import type { LaterKeys } from './validate.js'

const text = z.string().min(1)

const duration = (fallback: string) =>
  z
    .string({ error: 'expected a duration with its unit, e.g. "1s" or "200ms"' })
    .refine((value) => parseDuration(value) !== undefined, {
      error: 'expected a duration with its unit, e.g. "1s" or "200ms"',
    })
    .default(fallback)

const size = (fallback: string) =>
  z
    .string({ error: 'expected a size with its unit, e.g. "64MiB"' })
    .refine((value) => parseSize(value) !== undefined, { error: 'expected a size with its unit, e.g. "64MiB"' })
    .default(fallback)

const url = z
  .string({ error: 'expected a URL, e.g. postgres://user:password@host:5432/database' })
  .refine(isPostgresUrl, { error: 'expected a URL, e.g. postgres://user:password@host:5432/database' })

function isPostgresUrl(value: string): boolean {
  return URL.canParse(value) && /^postgres(ql)?:$/.test(new URL(value).protocol) && new URL(value).hostname !== ''
}

const client = z.strictObject({
  application_name: text.describe('Matches the application_name of the connection.').optional(),
  user: text.describe('Matches the user of the connection.').optional(),
  version: text.describe('The version that such clients speak.'),
})

/** hotswap.yaml. */
export const configSchema = z
  .strictObject(
    {
      listen: z
        .strictObject({
          host: text.describe('The address to listen on.').default('127.0.0.1'),
          port: z
            .int({ error: 'expected a port number' })
            .min(0, { error: 'expected a port number' })
            .max(65535, { error: 'expected a port number' })
            .describe('The port to listen on; 0 takes a free one.')
            .default(6432),
        })
        .prefault({}),
      upstream: url.describe(
        'The PostgreSQL server and the managed database. Not the DATABASE_URL of the app, which points at the proxy.',
      ),
      control: url
        .describe("The proxy's own connection: the same database, direct, never through a pooler. Default: upstream.")
        .optional(),
      rules: text.describe('The folder of rule files, relative to this file.').optional(),
      default_version: text.describe('What a client speaks that says nothing. Default: the oldest version.').optional(),
      clients: z
        .array(client, { error: 'expected a list of { application_name, user, version }' })
        .describe('Versions by application_name or user; the first match counts.')
        .default([]),
      hold: z
        .strictObject({
          timeout: duration('1s').describe('How long new transactions wait at most for a migration, per try.'),
          lock_timeout: duration('200ms').describe(
            "The migration's lock_timeout; below the server's deadlock_timeout.",
          ),
          retries: z
            .int({ error: 'expected a number of tries' })
            .min(1, { error: 'expected a number of tries' })
            .describe('How often a migration is tried before it gives up.')
            .default(20),
          check: duration('500ms').describe(
            'How long the statements of the running app may be checked before COMMIT, while traffic is held.',
          ),
        })
        .prefault({}),
      cache: z
        .strictObject({ max_bytes: size('64MiB').describe('Bound on the memory of rewritten statements.') })
        .prefault({}),
      poll: duration('1s').describe('How often the database is looked at for migrations made by other means.'),
      watch: z.boolean().describe('Re-read the rules when a rule file changes.').default(false),
      store: z
        .boolean({ error: 'expected true or false' })
        .describe(
          'Keep versions in schema hotswap of the database. Where false, the rule files alone say which versions there are.',
        )
        .default(true),
      log: z
        .strictObject({
          level: z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']).default('info'),
        })
        .prefault({}),
    },
    { error: 'expected a mapping; "upstream" is needed' },
  )
  .describe('pg-hotswap configuration.')

export type ConfigInput = z.infer<typeof configSchema>

/** Keys of DESIGN's configuration that this release does not do. */
export const laterConfigKeys: LaterKeys = {
  tls: 'the proxy speaks plain text so far',
  admin: 'there is no admin port yet',
}
