import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startEmbeddedPostgres } from '../../src/cli/embedded-postgres.js'

/** The server that the tests share: on 127.0.0.1, superuser postgres with password postgres. */
export interface TestServer {
  readonly port: number
  stop(): Promise<void>
}

const SETTINGS = { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off', max_connections: '300' }

/**
 * Starts the server that `HOTSWAP_TEST_SERVER` asks for: `embedded` (the default; the binaries come with npm), `container`
 * (testcontainers, with the image of HOTSWAP_TEST_IMAGE, default postgres:18), or the URL of a server that runs already.
 */
export async function startTestServer(wanted = process.env.HOTSWAP_TEST_SERVER ?? 'embedded'): Promise<TestServer> {
  switch (wanted) {
    case 'embedded':
      return startEmbedded()
    case 'container':
      return startContainer(process.env.HOTSWAP_TEST_IMAGE ?? 'postgres:18')
    default:
      return givenServer(wanted)
  }
}

async function startEmbedded(): Promise<TestServer> {
  const parent = await mkdtemp(join(tmpdir(), 'pg-hotswap-test-'))
  // As root the server runs as another user, who must reach its data through this folder.
  await chmod(parent, 0o711)
  const server = await startEmbeddedPostgres({ directory: join(parent, 'data'), settings: SETTINGS })
  return {
    port: server.port,
    async stop() {
      await server.stop()
      await rm(parent, { recursive: true, force: true })
    },
  }
}

async function startContainer(image: string): Promise<TestServer> {
  const { GenericContainer, Wait } = await import('testcontainers')
  const container = await new GenericContainer(image)
    .withEnvironment({ POSTGRES_PASSWORD: 'postgres' })
    .withCommand(['postgres', ...Object.entries(SETTINGS).flatMap(([name, value]) => ['-c', `${name}=${value}`])])
    .withExposedPorts(5432)
    // The image starts the server once to initialise it, and then for good.
    .withWaitStrategy(Wait.forLogMessage('database system is ready to accept connections', 2))
    .start()
  return {
    port: container.getMappedPort(5432),
    async stop() {
      await container.stop()
    },
  }
}

function givenServer(url: string): TestServer {
  if (!URL.canParse(url)) throw new Error(`HOTSWAP_TEST_SERVER is neither embedded, container nor a URL: ${url}`)
  const { hostname, port, username, password } = new URL(url)
  if (!['127.0.0.1', 'localhost'].includes(hostname) || username !== 'postgres' || password !== 'postgres') {
    throw new Error('the server of HOTSWAP_TEST_SERVER must be on 127.0.0.1, with user and password postgres')
  }
  return { port: Number(port || 5432), stop: async () => {} }
}
