import pg from 'pg'
import type { Catalog } from '../../src/catalog/catalog.js'
import { introspect } from '../../src/catalog/introspect.js'

/** The catalog of the database at `url`, read on a connection of its own. */
export async function introspectDatabase(url: string): Promise<Catalog> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    return await introspect(async (sql) => {
      const types = { getTypeParser: () => (value: string) => value }
      return (await client.query({ text: sql, rowMode: 'array', types })).rows
    })
  } finally {
    await client.end()
  }
}
