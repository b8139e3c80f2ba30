import { isDeepStrictEqual } from 'node:util'
import type pg from 'pg'
import { DatabaseError } from 'pg'
import { from as copyFrom, to as copyTo } from 'pg-copy-streams'

/** A row of tickets, in the order of its columns. */
interface Ticket {
  readonly id: number
  readonly title: string
  readonly description: string
  readonly body: string | null
  readonly priority: number
  readonly author_id: number
}

/** The answer of a query is not what was written before. */
export class WrongAnswer extends Error {}

/** Runs a piece of work and takes its time. */
export type Timed = <T>(work: () => Promise<T>) => Promise<T>

/** What one desk has in the database, by its own account. */
export interface DeskTotals {
  readonly tickets: number
  readonly comments: number
}

/** One author who opens, reads, changes and closes tickets, and knows what each answer must be. */
export interface Desk {
  /** One piece of everyday work, of one or several queries. Rejects with WrongAnswer, or as the query does. */
  work(): Promise<void>
  totals(): DeskTotals
}

const MOST_TICKETS = 30

export function createDesk(pool: pg.Pool, author: number, timed: Timed): Desk {
  const tickets = new Map<number, Ticket>()
  const comments = new Map<number, number>()
  let opened = 0
  let titles = 0
  let turn = author

  const ask = async <Row extends pg.QueryResultRow>(
    client: pg.Pool | pg.PoolClient,
    query: pg.QueryConfig | string,
  ): Promise<Row[]> => (await timed(() => client.query<Row>(query))).rows
  const keep = (ticket: Ticket) => tickets.set(ticket.id, ticket)
  const some = (): Ticket => [...tickets.values()][turn % tickets.size] as Ticket
  const own = () => [...tickets.values()].sort((left, right) => left.id - right.id)

  async function transaction(work: (client: pg.PoolClient) => Promise<void>): Promise<void> {
    const client = await pool.connect()
    try {
      await ask(client, 'BEGIN')
      await work(client)
      await ask(client, 'COMMIT')
    } finally {
      client.release()
    }
  }

  async function open(): Promise<void> {
    titles += 1
    const [title, description, body] = [`ticket ${titles}`, `description of ${titles}`, `body of ${titles}`]
    await transaction(async (client) => {
      const [made] = await ask<Ticket>(client, {
        name: 'open ticket',
        text: 'INSERT INTO tickets (title, description, body, author_id) VALUES ($1, $2, $3, $4) RETURNING *',
        values: [title, description, body, author],
      })
      const id = Number(made?.id)
      const ticket = { id, title, description, body, priority: 1, author_id: author }
      expectSame(made, ticket, 'INSERT ... RETURNING *')
      await ask(client, {
        text: 'INSERT INTO comments (ticket_id, text) VALUES ($1, $2)',
        values: [id, `first on ${title}`],
      })
      const counted = await ask(client, {
        name: 'count',
        text: `INSERT INTO counters AS c VALUES ($1, 1)
               ON CONFLICT (author_id) DO UPDATE SET opened = c.opened + excluded.opened RETURNING opened`,
        values: [author],
      })
      opened += 1
      expectSame(counted, [{ opened }], 'ON CONFLICT on counters')
      keep(ticket)
      comments.set(id, 1)
    })
  }

  async function read(): Promise<void> {
    const ticket = some()
    const rows = await ask(pool, {
      name: 'read ticket',
      text: 'SELECT * FROM tickets WHERE id = $1',
      values: [ticket.id],
    })
    expectSame(rows, [ticket], 'SELECT *')
  }

  async function readBoard(): Promise<void> {
    const rows = await ask(pool, {
      name: 'board',
      text: `SELECT t.id, title, u.name AS author, count(c.id)::integer AS comments, max(text) AS last
             FROM tickets t JOIN users u ON u.id = author_id LEFT JOIN comments c ON c.ticket_id = t.id
             WHERE author_id = $1 GROUP BY t.id, u.name ORDER BY priority DESC, t.id LIMIT 5`,
      values: [author],
    })
    const expected = own()
      .sort((left, right) => right.priority - left.priority)
      .slice(0, 5)
      .map(({ id, title }) => ({
        id,
        title,
        author: `author ${author}`,
        comments: comments.get(id),
        last: comments.get(id) === 1 ? `first on ${title}` : `imported 9`,
      }))
    expectSame(rows, expected, 'a join with GROUP BY and ORDER BY')
  }

  async function search(): Promise<void> {
    const text = `SELECT title, description FROM tickets WHERE author_id = ${author} AND body LIKE 'body%' ORDER BY id`
    const expected = own().filter(({ body }) => body?.startsWith('body'))
    expectSame(
      await ask(pool, text),
      expected.map(({ title, description }) => ({ title, description })),
      'a simple query',
    )
  }

  async function rewrite(): Promise<void> {
    const ticket = some()
    const rows = await ask(pool, {
      name: 'turn over',
      text: 'UPDATE tickets SET description = body, body = description, priority = priority + 1 WHERE id = $1 RETURNING *',
      values: [ticket.id],
    })
    const { description, body } = ticket
    const turned = { ...ticket, description: body ?? '', body: description, priority: ticket.priority + 1 }
    expectSame(rows, [turned], 'an UPDATE that swaps two columns')
    keep(turned)
  }

  async function openAgain(): Promise<void> {
    const ticket = some()
    const rows = await ask(pool, {
      text: `INSERT INTO tickets (title, description, body, author_id) VALUES ($1, $2, $3, $4)
             ON CONFLICT (author_id, title) DO UPDATE SET description = excluded.description, priority = tickets.priority + 1
             RETURNING *`,
      values: [ticket.title, `again ${ticket.title}`, 'not taken', author],
    })
    const again = { ...ticket, description: `again ${ticket.title}`, priority: ticket.priority + 1 }
    expectSame(rows, [again], 'ON CONFLICT on tickets')
    keep(again)
  }

  async function openTwice(): Promise<void> {
    const { title } = some()
    const text = `INSERT INTO tickets (title, description, author_id) VALUES ($1, 'd', $2)`
    // pool.query would close the connection after an error.
    const client = await pool.connect()
    const error = await ask(client, { text, values: [title, author] }).then(
      () => undefined,
      (thrown: unknown) => thrown,
    )
    client.release()
    if (!(error instanceof DatabaseError)) throw error ?? new WrongAnswer('a duplicate was taken')
    const { code, table, constraint } = error
    const expected = { code: '23505', table: 'tickets', constraint: 'tickets_author_id_title_key' }
    expectSame({ code, table, constraint }, expected, 'a unique violation')
  }

  async function importComments(): Promise<void> {
    const { id } = some()
    const client = await pool.connect()
    try {
      await timed(
        () =>
          new Promise<void>((resolve, reject) => {
            const stream = client.query(copyFrom('COPY comments (ticket_id, text) FROM STDIN'))
            stream.once('error', reject).once('finish', resolve)
            stream.end(Array.from({ length: 10 }, (_, n) => `${id}\timported ${n}\n`).join(''))
          }),
      )
    } finally {
      client.release()
    }
    comments.set(id, (comments.get(id) ?? 0) + 10)
  }

  async function exportTickets(): Promise<void> {
    const client = await pool.connect()
    let text = ''
    try {
      await timed(async () => {
        const query = `COPY (SELECT id, title, priority FROM tickets WHERE author_id = ${author} ORDER BY id) TO STDOUT`
        for await (const chunk of client.query(copyTo(query))) text += String(chunk)
      })
    } finally {
      client.release()
    }
    const expected = own().map(({ id, title, priority }) => `${id}\t${title}\t${priority}\n`)
    expectSame(text, expected.join(''), 'COPY TO')
  }

  async function close(): Promise<void> {
    const { id, title } = some()
    await transaction(async (client) => {
      const gone = await ask(client, {
        text: 'DELETE FROM comments USING tickets t WHERE ticket_id = t.id AND t.id = $1 RETURNING title',
        values: [id],
      })
      expectSame(gone, Array(comments.get(id)).fill({ title }), 'DELETE ... USING')
      const rows = await ask(client, {
        name: 'close',
        text: 'DELETE FROM tickets WHERE id = $1 RETURNING title',
        values: [id],
      })
      expectSame(rows, [{ title }], 'DELETE ... RETURNING')
    })
    tickets.delete(id)
    comments.delete(id)
  }

  const everyday = [read, readBoard, rewrite, read, openAgain, search, read, openTwice, importComments, exportTickets]
  return {
    async work() {
      turn += 1
      if (tickets.size < 3 || (turn % 5 === 0 && tickets.size < MOST_TICKETS)) return open()
      if (tickets.size >= MOST_TICKETS) return close()
      return everyday[turn % everyday.length]?.()
    },
    totals: () => ({
      tickets: tickets.size,
      comments: [...comments.values()].reduce((sum, count) => sum + count, 0),
    }),
  }
}

/** Values, names and the order of columns. */
function expectSame(got: unknown, expected: unknown, what: string): void {
  if (isDeepStrictEqual(got, expected) && JSON.stringify(got) === JSON.stringify(expected)) return
  throw new WrongAnswer(`${what}: expected ${JSON.stringify(expected)}, got ${JSON.stringify(got)}`)
}
