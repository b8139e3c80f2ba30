import { isDeepStrictEqual } from 'node:util'
import { DatabaseError, type QueryConfig, type QueryResultRow } from 'pg'

/** Runs one query of the old version, and counts it. */
export type Ask = <Row extends QueryResultRow>(query: QueryConfig | string) => Promise<Row[]>

/** The answer of a query is not what was written before. */
export class WrongAnswer extends Error {}

/** An order, in the order of its columns. */
interface Order {
  readonly id: number
  readonly user_id: number
  readonly amount: number
  readonly status: string
  readonly note: string | null
}

/** One user of the shop who knows what each answer must be. */
export interface ShopClient {
  /** One piece of everyday work, of one or several queries. Rejects with WrongAnswer, or as the query does. */
  work(): Promise<void>
  /** What this user has in the database, by its own account. */
  totals(): { readonly orders: number; readonly amount: number }
}

const MOST_ORDERS = 20

/** A user of the shop by the first version of its schema (shop.sql). */
export async function createShopClient(ask: Ask, number: number): Promise<ShopClient> {
  const email = `user${number}@example.org`
  let name = `user ${number}`
  const orders = new Map<number, Order>()
  let turn = number
  const [made] = await ask<{ id: number }>({
    text: 'INSERT INTO users (name, email) VALUES ($1, $2) RETURNING id',
    values: [name, email],
  })
  const id = Number(made?.id)

  const some = (): Order => [...orders.values()][turn % orders.size] as Order
  const own = () => [...orders.values()].sort((left, right) => left.id - right.id)
  const amount = () => own().reduce((sum, order) => sum + order.amount, 0)
  const keep = (order: Order) => orders.set(order.id, order)

  const work = {
    async insert() {
      const order = { user_id: id, amount: turn, status: 'new', note: turn % 2 === 0 ? null : `note ${turn}` }
      const rows = await ask<Order>({
        name: 'insert order',
        text: 'INSERT INTO orders (user_id, amount, note) VALUES ($1, $2, $3) RETURNING *',
        values: [id, order.amount, order.note],
      })
      const made = { id: Number(rows[0]?.id), ...order }
      expectSame(rows, [made], 'INSERT ... RETURNING *')
      keep(made)
    },
    async insertWithoutList() {
      const text = `INSERT INTO users VALUES (DEFAULT, 'guest', 'guest${number}@example.org') RETURNING name, legacy`
      expectSame(await ask(text), [{ name: 'guest', legacy: false }], 'INSERT without a column list')
      const gone = {
        name: 'delete guest',
        text: 'DELETE FROM users WHERE email = $1',
        values: [`guest${number}@example.org`],
      }
      expectSame(await ask(gone), [], 'DELETE')
    },
    async readUser() {
      const query = { name: 'read user', text: 'SELECT * FROM users WHERE id = $1', values: [id] }
      expectSame(await ask(query), [{ id, name, email, legacy: false }], 'SELECT * by a prepared statement')
    },
    async readBySimpleQuery() {
      const rows = await ask(`SELECT u.name, legacy FROM users u WHERE email = '${email}' AND NOT legacy`)
      expectSame(rows, [{ name, legacy: false }], 'a simple SELECT')
    },
    async readOrders() {
      const rows = await ask({
        name: 'read orders',
        text: 'SELECT o.*, name FROM orders o JOIN users u ON u.id = o.user_id WHERE u.id = $1 ORDER BY o.id',
        values: [id],
      })
      const expected = own().map((order) => ({ ...order, name }))
      expectSame(rows, expected, 'a join')
    },
    async aggregate() {
      const rows = await ask({
        text: `SELECT name, count(o.id)::int AS orders, sum(amount) AS amount FROM users LEFT JOIN orders o ON user_id = users.id
               WHERE users.id = $1 GROUP BY users.id`,
        values: [id],
      })
      // The sum of integers is bigint, which the driver gives as text.
      const expected = { name, orders: orders.size, amount: orders.size === 0 ? null : String(amount()) }
      expectSame(rows, [expected], 'GROUP BY')
    },
    async repeatableRead() {
      const order = some()
      const changed = { ...order, amount: order.amount + 1 }
      const sum = { name: 'sum', text: 'SELECT sum(amount)::int AS sum FROM orders WHERE user_id = $1', values: [id] }
      const before = amount()
      await ask('BEGIN ISOLATION LEVEL REPEATABLE READ')
      expectSame(await ask(sum), [{ sum: before }], 'a sum in REPEATABLE READ')
      const update = {
        name: 'raise',
        text: 'UPDATE orders SET amount = orders.amount + $2 WHERE id = $1 RETURNING *',
        values: [order.id, 1],
      }
      expectSame(await ask(update), [changed], 'UPDATE ... RETURNING *')
      expectSame(await ask(sum), [{ sum: before + 1 }], 'the sum after the UPDATE')
      if (turn % 3 === 0) return void (await ask('ROLLBACK'))
      await ask('COMMIT')
      keep(changed)
    },
    async rename() {
      name = `user ${number}, ${turn}`
      const text = `INSERT INTO users (name, email, legacy) VALUES ($1, $2, $3)
                    ON CONFLICT (email) DO UPDATE SET name = excluded.name RETURNING id, name`
      expectSame(await ask({ text, values: [name, email, false] }), [{ id, name }], 'ON CONFLICT')
    },
    async insertTwice() {
      const text = "INSERT INTO users (name, email) VALUES ('twice', $1)"
      const error = await ask({ name: 'twice', text, values: [email] }).then(
        () => undefined,
        (thrown: unknown) => thrown,
      )
      if (!(error instanceof DatabaseError) || error.code !== '23505') throw error ?? new WrongAnswer('taken twice')
      const { table, constraint } = error
      expectSame({ table, constraint }, { table: 'users', constraint: 'users_email_key' }, 'a unique violation')
    },
    async cursor() {
      await ask('BEGIN')
      await ask(`DECLARE open_orders CURSOR FOR SELECT amount FROM orders WHERE user_id = ${id} ORDER BY id`)
      const rows = await ask('FETCH 3 FROM open_orders')
      const expected = own()
        .slice(0, 3)
        .map((order) => ({ amount: order.amount }))
      expectSame(rows, expected, 'FETCH')
      await ask('COMMIT')
    },
    async remove() {
      const order = some()
      const query = {
        name: 'remove',
        text: 'DELETE FROM orders WHERE id = $1 RETURNING amount, note',
        values: [order.id],
      }
      expectSame(await ask(query), [{ amount: order.amount, note: order.note }], 'DELETE ... RETURNING')
      orders.delete(order.id)
    },
  }
  const everyday = Object.values(work)
  return {
    async work() {
      turn += 1
      if (orders.size < 3) return await work.insert()
      if (orders.size >= MOST_ORDERS) return await work.remove()
      await everyday[turn % everyday.length]?.()
    },
    totals: () => ({ orders: orders.size, amount: amount() }),
  }
}

/** Values, names and the order of columns. */
function expectSame(got: unknown, expected: unknown, what: string): void {
  if (isDeepStrictEqual(got, expected) && JSON.stringify(got) === JSON.stringify(expected)) return
  throw new WrongAnswer(`${what}: expected ${JSON.stringify(expected)}, got ${JSON.stringify(got)}`)
}
