import { isDeepStrictEqual } from 'node:util'
import type pg from 'pg'

/** Accounts of the bank; their balances sum up to a constant. */
export const ACCOUNTS = 200
const TOTAL = ACCOUNTS * 1000
const TEXT = 25
const INT4 = 23

/** An answer that is not as it would be on version 1 of the schema. */
export class WrongAnswer extends Error {}

/** One client of the bank: each piece of work is a transaction whose every answer is checked. */
export interface Teller {
  work(): Promise<void>
  readonly transfers: number
}

/** `number` tells the tellers apart: accounts `number`, `number + tellers`, ... have notes of this one's alone. */
export function createTeller(client: pg.Client, number: number, tellers: number): Teller {
  let transfers = 0
  let counted = 0
  const pick = () => Math.floor(Math.random() * ACCOUNTS)

  const pieces: (() => Promise<void>)[] = [
    async function readPrepared() {
      const id = pick()
      const result = await client.query({
        name: 'account',
        text: 'SELECT id, owner, status FROM accounts WHERE id = $1',
        values: [id],
      })
      expect(result.rows, [{ id, owner: `owner-${id}`, status: 'open' }])
      expect(
        result.fields.map(({ name, dataTypeID }) => [name, dataTypeID]),
        [
          ['id', INT4],
          ['owner', TEXT],
          ['status', TEXT],
        ],
      )
    },
    async function readStar() {
      const id = pick()
      const { rows, fields } = await client.query(`SELECT * FROM accounts WHERE id = ${id}`)
      expect(
        fields.map(({ name }) => name),
        ['id', 'owner', 'balance', 'status', 'note'],
      )
      expect([rows.length, rows[0]?.owner, typeof rows[0]?.balance], [1, `owner-${id}`, 'number'])
    },
    async function transfer() {
      const [source, target] = [pick(), pick()].sort((a, b) => a - b) as [number, number]
      if (source === target) return
      const amount = 1 + Math.floor(Math.random() * 9)
      await client.query('BEGIN')
      const locked = await client.query({
        name: 'lock',
        text: 'SELECT a.id FROM accounts AS a WHERE a.id = ANY($1) ORDER BY a.id FOR UPDATE',
        values: [[source, target]],
      })
      expect(locked.rows, [{ id: source }, { id: target }])
      const move = 'UPDATE accounts SET balance = balance + $2 WHERE id = $1'
      expect((await client.query({ name: 'move', text: move, values: [source, -amount] })).rowCount, 1)
      expect((await client.query({ name: 'move', text: move, values: [target, amount] })).rowCount, 1)
      const made = await client.query(
        `INSERT INTO transfers (source, target, amount) VALUES (${source}, ${target}, ${amount}) RETURNING amount, source`,
      )
      expect(made.rows, [{ amount, source }])
      await client.query('COMMIT')
      transfers++
    },
    async function audit() {
      await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ')
      const sum = 'SELECT sum(balance)::integer AS total, count(*)::integer AS accounts FROM accounts'
      expect((await client.query({ name: 'sum', text: sum, values: [] })).rows, [{ total: TOTAL, accounts: ACCOUNTS }])
      const of = await client.query(
        'SELECT count(*)::integer AS n FROM transfers AS t JOIN accounts AS a ON a.id = t.source WHERE t.amount <= 0',
      )
      expect(of.rows, [{ n: 0 }])
      expect((await client.query({ name: 'sum', text: sum, values: [] })).rows, [{ total: TOTAL, accounts: ACCOUNTS }])
      await client.query('COMMIT')
    },
    async function count() {
      const upsert = `INSERT INTO counters AS c VALUES ($1, 1) ON CONFLICT (client) DO UPDATE SET n = c.n + excluded.n RETURNING n`
      const { rows } = await client.query({ name: 'count', text: upsert, values: [number] })
      counted++
      expect(rows, [{ n: counted }])
    },
    async function annotate() {
      const id = number + tellers * Math.floor(Math.random() * Math.floor(ACCOUNTS / tellers))
      const note = Math.random().toString(36)
      const written = await client.query({
        text: 'UPDATE accounts SET note = $1 WHERE id = $2 RETURNING note, owner',
        values: [note, id],
      })
      expect(written.rows, [{ note, owner: `owner-${id}` }])
      const read = await client.query({ name: 'note', text: 'SELECT note FROM accounts WHERE id = $1', values: [id] })
      expect(read.rows, [{ note }])
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
      const { code, constraint, table } = await client.query("INSERT INTO accounts VALUES (0, 'x', 1)").then(
        () => ({ code: 'none', constraint: undefined, table: undefined }),
        (error: pg.DatabaseError) => error,
      )
      expect([code, constraint, table], ['23505', 'accounts_pkey', 'accounts'])
    },
  ]

  return {
    async work() {
      await pieces[Math.floor(Math.random() * pieces.length)]?.()
    },
    get transfers() {
      return transfers
    },
  }
}

function expect(got: unknown, wanted: unknown): void {
  if (!isDeepStrictEqual(got, wanted))
    throw new WrongAnswer(`got ${JSON.stringify(got)}, not ${JSON.stringify(wanted)}`)
}
