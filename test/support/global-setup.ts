import type { TestProject } from 'vitest/node'
import { startTestServer } from './test-server.js'

declare module 'vitest' {
  interface ProvidedContext {
    /** The shared server's port on 127.0.0.1; user and password are `postgres`. */
    postgresPort: number
  }
}

/** Starts one PostgreSQL for the whole run; each test file makes databases of its own on it. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const server = await startTestServer()
  project.provide('postgresPort', server.port)
  return () => server.stop()
}
