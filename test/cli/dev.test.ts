import { chmod, mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { expect, test } from 'vitest'
import { startCli } from './run-cli.js'

test('dev gives a DATABASE_URL that works, and leaves nothing behind', { timeout: 60_000 }, async () => {
  const folder = await mkdtemp(join(tmpdir(), 'hotswap-dev-test-'))
  await chmod(folder, 0o711)
  const cli = startCli(['dev', '--listen', '0', '--log-level', 'warn'], { environment: { TMPDIR: folder } })
  try {
    const line = await cli.line(/^DATABASE_URL=/)
    const client = new pg.Client({ connectionString: line.slice('DATABASE_URL='.length) })
    client.on('error', () => undefined)
    await client.connect()
    expect((await client.query('SELECT current_database() AS name')).rows).toEqual([{ name: 'app' }])
    await client.end()
    expect(await cli.end('SIGINT')).toMatchObject({ code: 0, stderr: '' })
    expect((await readdir(folder)).filter((name) => name.startsWith('pg-hotswap-dev'))).toEqual([])
  } finally {
    await cli.end('SIGKILL')
    await rm(folder, { recursive: true })
  }
})
