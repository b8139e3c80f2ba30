import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestProject } from 'vitest/node'
import { startEmbeddedPostgres } from '../../src/cli/embedded-postgres.js'

declare module 'vitest' {
  interface ProvidedContext {
    /** The shared server's port on 127.0.0.1; user and password are `postgres`. */
    postgresPort: number
  }
}

/** Starts one PostgreSQL for the whole run; each test file makes databases of its own on it. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const parent = await mkdtemp(join(tmpdir(), 'pg-hotswap-test-'))
  // As root the server runs as another user, who must reach its data through this folder.
  await chmod(parent, 0o711)
  const server = await startEmbeddedPostgres({
    directory: join(parent, 'data'),
    settings: { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off', max_connections: '300' },
  })
  project.provide('postgresPort', server.port)
  return async () => {
    await server.stop()
    await rm(parent, { recursive: true, force: true })
  }
}
