import pg from 'pg'
import type { TextQuery } from '../../src/catalog/introspect.js'

/** Runs a task with a connection of its own. */
export async function withTextQuery<T>(url: string, task: (query: TextQuery) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  const types = { getTypeParser: () => (value: string) => value }
  try {
    return await task(async (text) => (await client.query({ text, rowMode: 'array', types })).rows)
  } finally {
    await client.end()
  }
}
