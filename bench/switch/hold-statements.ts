/** Fifty statements of different shapes that name `customers` and its column `name`; each has one parameter, a key. */
export const HOLD_STATEMENTS: readonly string[] = statements()

function statements(): string[] {
  const columns = ['id', 'name', 'email', 'city', 'zip', 'balance', 'created_at', 'note']
  const reads = columns.flatMap((column) => [
    `SELECT ${column}, name FROM customers WHERE id = $1`,
    `SELECT max(${column}) AS greatest FROM customers c WHERE c.name IS NOT NULL AND c.id = $1`,
    `SELECT o.id, c.${column}, c.name FROM orders o JOIN customers c ON c.id = o.customer_id WHERE o.id = $1 ORDER BY c.name, 1`,
    `WITH one AS (SELECT * FROM customers WHERE id = $1) SELECT ${column}, count(*) FROM one GROUP BY ${column}, name`,
  ])
  const writes = columns
    .slice(2)
    .flatMap((column) => [
      `UPDATE customers SET ${column} = ${column}, name = upper(name) WHERE id = $1 RETURNING id, ${column}`,
      `DELETE FROM customers WHERE id = -$1::integer AND (${column} IS NULL OR name = '')`,
    ])
  const others = [
    'SELECT * FROM customers WHERE id = $1',
    'SELECT c.* FROM customers c WHERE c.id = $1 FOR UPDATE',
    "SELECT EXISTS (SELECT FROM customers WHERE id = $1 AND name LIKE 'a%')",
    'SELECT o.id, (SELECT name FROM customers WHERE id = o.customer_id) AS customer FROM orders o WHERE o.id = $1',
    'UPDATE orders o SET state = lower(c.name) FROM customers c WHERE c.id = o.customer_id AND o.id = $1',
    `INSERT INTO customers (id, name, email) SELECT 1000000 + $1::integer, 'n', $1::text
     ON CONFLICT (id) DO UPDATE SET name = excluded.name`,
  ]
  return [...reads, ...writes, ...others]
}

const TABLES = Number(process.env.HOTSWAP_TABLES ?? 24)

/** A small app's schema: 24 tables of eight columns, with keys, indexes and defaults. HOTSWAP_TABLES makes it another number. */
export const HOLD_SCHEMA = `
  CREATE TABLE customers (id integer PRIMARY KEY, name text, email text NOT NULL, city text, zip text,
    balance integer NOT NULL DEFAULT 0, created_at timestamptz NOT NULL DEFAULT now(), note text);
  CREATE INDEX customers_name ON customers (name);
  CREATE UNIQUE INDEX customers_email ON customers (email);
  CREATE TABLE orders (id integer PRIMARY KEY, customer_id integer NOT NULL REFERENCES customers,
    state text NOT NULL DEFAULT 'new', total numeric(10, 2), at timestamptz DEFAULT now());
  INSERT INTO customers SELECT n, 'name ' || n, n || '@example.org' FROM generate_series(1, 1000) n;
  INSERT INTO orders SELECT n, 1 + n % 1000 FROM generate_series(1, 5000) n;
  ${Array.from(
    { length: TABLES - 2 },
    (_, index) => `CREATE TABLE table_${index} (id serial PRIMARY KEY, order_id integer REFERENCES orders,
      a text NOT NULL DEFAULT '', b text, c integer DEFAULT 1, d date, e boolean DEFAULT false, f jsonb);
      CREATE INDEX ON table_${index} (order_id);`,
  ).join('\n')}
  ANALYZE;
`
