import pg from 'pg'

/** What clients of the first version use; `posts` is for migrations that swap its columns (wrong answers, no errors). */
export const firstVersion = `
  CREATE TABLE users (id int PRIMARY KEY, name text NOT NULL, visits int NOT NULL DEFAULT 0);
  INSERT INTO users SELECT n, 'user ' || n FROM generate_series(1, 20) n;
  CREATE TABLE posts (id int PRIMARY KEY, title text, body text);
  INSERT INTO posts VALUES (1, 'T', 'B');
`

export const migrations = {
  rename: 'ALTER TABLE users RENAME TO people; ALTER TABLE people RENAME COLUMN name TO full_name',
  swap: 'ALTER TABLE posts RENAME title TO t; ALTER TABLE posts RENAME body TO title; ALTER TABLE posts RENAME t TO body',
}

/** Clients that come, work, and go. */
export interface Visitors {
  /** Queries answered rightly so far. */
  readonly answers: number
  readonly visits: number
  /** Wrong answers and errors: there must be none. */
  readonly failures: readonly string[]
  stop(): Promise<void>
}

/**
 * Lets `count` clients at a time visit, each for `stay` rounds; each reads, writes and prepares by the first version, and
 * counts its own rounds.
 */
export function startVisitors(url: string, count: number, stay = 12): Visitors {
  const seen = { answers: 0, visits: 0, failures: [] as string[] }
  let stopped = false

  async function visit(id: number, visits: number): Promise<number> {
    const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 20_000 })
    client.on('error', (error) => seen.failures.push(`connection of ${id}: ${error}`))
    await client.connect()
    let made = visits
    const ask = async (query: string | pg.QueryConfig, expected: unknown) => {
      const got = JSON.stringify((await client.query(query)).rows)
      if (got === JSON.stringify(expected)) seen.answers += 1
      else seen.failures.push(`${id}: ${JSON.stringify(query)} gave ${got}, not ${JSON.stringify(expected)}`)
    }
    const name = `user ${id}`
    for (let turn = 0; turn < stay && !stopped; turn++) {
      await ask({ name: 'star', text: 'SELECT * FROM users WHERE id = $1', values: [id] }, [{ id, name, visits: made }])
      await ask(`SELECT u.name, title FROM users u JOIN posts ON posts.id = 1 WHERE u.id = ${id}`, [
        { name, title: 'T' },
      ])
      await ask({ text: 'SELECT body FROM posts WHERE title = $1', values: ['T'] }, [{ body: 'B' }])
      await client.query('BEGIN')
      const raise = 'UPDATE users SET visits = visits + 1 WHERE name = $1 RETURNING visits'
      await ask({ name: 'raise', text: raise, values: [name] }, [{ visits: made + 1 }])
      await ask(`SELECT sum(visits)::int AS sum FROM users WHERE name = '${name}'`, [{ sum: made + 1 }])
      await client.query('COMMIT')
      made += 1
    }
    await client.end()
    seen.visits += 1
    return made
  }

  const work = Array.from({ length: count }, async (_, index) => {
    const id = index + 1
    let visits = 0
    while (!stopped) {
      try {
        visits = await visit(id, visits)
      } catch (error) {
        const { code, message } = error as pg.DatabaseError
        seen.failures.push(`${id}: ${code ?? ''} ${message}`)
        return
      }
    }
  })
  return {
    get answers() {
      return seen.answers
    },
    get visits() {
      return seen.visits
    },
    failures: seen.failures,
    async stop() {
      stopped = true
      await Promise.all(work)
    },
  }
}
