import { setTimeout as pause } from 'node:timers/promises'
import { isDeepStrictEqual } from 'node:util'
import pg from 'pg'
import { type Books, emptyBooks } from './books.js'
import { isConnectionError } from './connection-error.js'

/** Accounts of bank.sql. */
const ACCOUNTS = 40
const TOTAL = ACCOUNTS * 1000
const [INT4, TEXT] = [23, 25]

/** The running app: it speaks version 1, connects again where its connection was lost, and checks every answer. */
export interface App {
  /** Wrong answers, and errors that are not about connections. */
  readonly failures: readonly string[]
  /** How many connections were lost, or could not be had. */
  readonly outages: number
  /** The last errors about connections, in words. */
  readonly lost: readonly string[]
  /** Pieces of work done by each teller. */
  readonly done: readonly number[]
  /** Milliseconds of the longest piece of work that was done since the last `forget`. */
  readonly longestMs: number
  forget(): void
  stop(): Promise<readonly Books[]>
}

class WrongAnswer extends Error {}

function expect(got: unknown, wanted: unknown): void {
  if (!isDeepStrictEqual(got, wanted))
    throw new WrongAnswer(`got ${JSON.stringify(got)}, not ${JSON.stringify(wanted)}`)
}

/** `thinkMs`: between two pieces of work. */
export function startApp(url: string, tellers: number, thinkMs: number): App {
  const failures: string[] = []
  const lost: string[] = []
  const done = Array.from({ length: tellers }, () => 0)
  const books = done.map(emptyBooks)
  let outages = 0
  let stopping = false
  let longestMs = 0

  async function serve(number: number, own: Books): Promise<void> {
    let client: pg.Client | undefined
    let teller: (() => Promise<void>) | undefined
    while (!stopping) {
      const began = performance.now()
      try {
        if (client === undefined || teller === undefined) {
          client = await connect(url, number)
          teller = createTeller(client, { number, tellers, books: own })
        }
        await teller()
        done[number] = (done[number] ?? 0) + 1
        longestMs = Math.max(longestMs, performance.now() - began)
        await pause(thinkMs)
      } catch (error) {
        const words = `teller ${number}: ${(error as { code?: string }).code ?? ''} ${String(error)}`
        if (isConnectionError(error)) {
          outages++
          lost.push(words)
          if (lost.length > 20) lost.shift()
        } else failures.push(words)
        client?.end().catch(() => undefined)
        client = undefined
        await pause(20)
      }
    }
    await client?.end().catch(() => undefined)
  }

  const serving = Promise.all(books.map((own, number) => serve(number, own)))
  return {
    failures,
    lost,
    done,
    get outages() {
      return outages
    },
    get longestMs() {
      return Math.round(longestMs)
    },
    forget() {
      longestMs = 0
    },
    async stop() {
      stopping = true
      await serving
      return books
    },
  }
}

async function connect(url: string, number: number): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url, application_name: `teller-${number}` })
  client.on('error', () => undefined)
  await client.connect()
  return client
}

interface Place {
  readonly number: number
  readonly tellers: number
  readonly books: Books
}

/** Gives what does one piece of work; accounts `number`, `number + tellers`, ... have notes of this teller's alone. */
function createTeller(client: pg.Client, { number, tellers, books }: Place): () => Promise<void> {
  const pick = () => Math.floor(Math.random() * ACCOUNTS)
  const named = (name: string, text: string, values: unknown[] = []) => client.query({ name, text, values })

  const pieces: (() => Promise<void>)[] = [
    async function read() {
      const id = pick()
      const { rows, fields } = await named('account', 'SELECT id, owner, status FROM accounts WHERE id = $1', [id])
      expect(rows, [{ id, owner: `owner-${id}`, status: 'open' }])
      expect(
        fields.map(({ name, dataTypeID }) => [name, dataTypeID]),
        [
          ['id', INT4],
          ['owner', TEXT],
          ['status', TEXT],
        ],
      )
    },
    async function star() {
      const id = pick()
      const { rows, fields } = await client.query(`SELECT * FROM accounts WHERE id = ${id}`)
      expect(
        fields.map(({ name }) => name),
        ['id', 'owner', 'note', 'balance', 'status'],
      )
      const [row] = rows
      expect(
        [rows.length, row?.owner, typeof row?.balance, String(row?.note).startsWith(`note-${id}-`)],
        [1, `owner-${id}`, 'number', true],
      )
    },
    async function transfer() {
      const [source, target] = [pick(), pick()].sort((a, b) => a - b) as [number, number]
      if (source === target) return
      const ref = `${number}/${books.transfers.size}`
      const facts = { source, target, amount: 1 + Math.floor(Math.random() * 9) }
      books.transfers.set(ref, { ...facts, fate: 'undone' })
      await client.query('BEGIN')
      const locked = await named(
        'lock',
        'SELECT a.id FROM accounts AS a WHERE a.id = ANY($1) ORDER BY a.id FOR UPDATE',
        [[source, target]],
      )
      expect(locked.rows, [{ id: source }, { id: target }])
      const move = 'UPDATE accounts SET balance = balance + $2 WHERE id = $1'
      expect((await named('move', move, [source, -facts.amount])).rowCount, 1)
      expect((await named('move', move, [target, facts.amount])).rowCount, 1)
      const made = await client.query(
        `INSERT INTO transfers (ref, source, target, amount)
         VALUES ('${ref}', ${source}, ${target}, ${facts.amount}) RETURNING amount, source`,
      )
      expect(made.rows, [{ amount: facts.amount, source }])
      books.transfers.set(ref, { ...facts, fate: 'doubt' })
      expect((await client.query('COMMIT')).command, 'COMMIT')
      books.transfers.set(ref, { ...facts, fate: 'done' })
    },
    async function audit() {
      await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ')
      const sum = 'SELECT sum(balance)::integer AS total, count(*)::integer AS accounts FROM accounts'
      expect((await named('sum', sum)).rows, [{ total: TOTAL, accounts: ACCOUNTS }])
      const odd = await client.query(
        `SELECT count(*)::integer AS n FROM transfers AS t JOIN accounts AS a ON a.id = t.source
         WHERE t.amount <= 0 OR a.owner <> 'owner-' || a.id`,
      )
      expect(odd.rows, [{ n: 0 }])
      expect((await named('sum', sum)).rows, [{ total: TOTAL, accounts: ACCOUNTS }])
      await client.query('COMMIT')
    },
    async function count() {
      const { counted } = books
      const upsert = `INSERT INTO counters AS c VALUES ($1, 1)
        ON CONFLICT (client) DO UPDATE SET n = c.n + excluded.n RETURNING n`
      counted.doubt++
      const { rows } = await named('count', upsert, [number])
      counted.doubt--
      counted.done++
      const n = Number(rows[0]?.n)
      expect([rows.length, n >= counted.done && n <= counted.done + counted.doubt], [1, true])
    },
    async function annotate() {
      const id = number + tellers * Math.floor(Math.random() * Math.floor(ACCOUNTS / tellers))
      const note = `note-${id}-${number}-${Math.random().toString(36).slice(2)}`
      const known = books.notes.get(id) ?? new Set([`note-${id}-0`])
      const certain = [...known][0] ?? ''
      const doubts = [...known].slice(1)
      books.notes.set(id, new Set([certain, ...doubts, note]))
      const text = 'UPDATE accounts SET note = $1 WHERE id = $2 RETURNING note, owner'
      const written = await client.query({ text, values: [note, id] })
      // What is in doubt may still be on its way.
      books.notes.set(id, new Set([note, ...doubts]))
      expect(written.rows, [{ note, owner: `owner-${id}` }])
      const { rows } = await named('note', 'SELECT note FROM accounts WHERE id = $1', [id])
      expect([rows.length, books.notes.get(id)?.has(rows[0]?.note)], [1, true])
    },
    async function browse() {
      await client.query('BEGIN')
      await client.query('DECLARE c CURSOR WITH HOLD FOR SELECT id, owner FROM accounts ORDER BY id')
      await client.query('COMMIT')
      expect((await client.query('FETCH 2 FROM c')).rows, [
        { id: 0, owner: 'owner-0' },
        { id: 1, owner: 'owner-1' },
      ])
      expect((await client.query('FETCH 1 FROM c')).rows, [{ id: 2, owner: 'owner-2' }])
      await client.query('CLOSE c')
    },
    async function fail() {
      const error: Partial<pg.DatabaseError> = await client
        .query("INSERT INTO accounts VALUES (0, 'owner-x', 'note-x', 1)")
        .then(
          () => ({ code: 'none' }),
          (thrown: pg.DatabaseError) => thrown,
        )
      if (isConnectionError(error)) throw error
      expect([error.code, error.constraint, error.table], ['23505', 'accounts_pkey', 'accounts'])
    },
  ]
  return async () => {
    await pieces[Math.floor(Math.random() * pieces.length)]?.()
  }
}
