/** 200 bytes; `%` stands where a number makes the text a new one. */
const SELECT =
  "SELECT c.id, c.name, count(*) AS n FROM customers c LEFT JOIN orders o ON o.customer_id = c.id AND o.state = 'open' " +
  'WHERE c.email = $1 AND c.id > % GROUP BY c.id, c.name ORDER BY n DESC LIMIT 20 OFFSET $2'

/** Of the same length, and about tables that no step changed. */
const UNRELATED =
  "SELECT t.column_1, t.column_2, count(*) AS n FROM table_7 t JOIN table_9 u ON u.column_3 = t.column_3 AND u.column_4 = 'open' " +
  'WHERE t.column_5 = $1 AND t.column_6 > % GROUP BY 1, 2 ORDER BY n DESC LIMIT $2'

/** A short text of its own for each number. */
export const pointText = (number: number): string => numbered('SELECT name, email FROM customers WHERE id = %', number)

export const selectText = (number: number): string => numbered(SELECT, number)
export const unrelatedText = (number: number): string => numbered(UNRELATED, number)

function numbered(text: string, number: number): string {
  return text.replace('%', String(10_000_000 + number))
}

/** An INSERT of so many rows, 100 bytes each. */
export function insertText(rows: number): string {
  const values = Array.from({ length: rows }, (_, index) => {
    const row = `(${index}, 'customer number ${index}', 'customer.${index}@example.com', '2026-01-01 12:00:00', '${10_000 + index}')`
    return row.padEnd(98)
  })
  return `INSERT INTO customers (id, name, email, created_at, zip) VALUES ${values.join(', ')}`
}
