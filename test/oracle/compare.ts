import type { BackendMessage } from '../support/backend-message.js'

/** What to disregard between two answers. */
export interface Tolerance {
  /** Rows may come in another order. */
  readonly anyOrder: boolean
  /** Rows are the text of a plan, which names the new schema. */
  readonly anyRows: boolean
}

/**
 * The first difference between two answers, in words; undefined where there is none.
 * Oids of relations and types may be compared as they are, as one database is a copy of the other.
 */
export function differenceOf(
  expected: readonly BackendMessage[],
  got: readonly BackendMessage[],
  tolerance: Tolerance,
): string | undefined {
  const [left, right] = [describeAnswer(expected, tolerance), describeAnswer(got, tolerance)]
  for (let index = 0; index < Math.max(left.length, right.length); index += 1) {
    if (left[index] !== right[index]) {
      return `expected ${left[index] ?? 'nothing more'}\n     got ${right[index] ?? 'nothing more'}`
    }
  }
  return undefined
}

function describeAnswer(messages: readonly BackendMessage[], tolerance: Tolerance): string[] {
  const lines: string[] = []
  let rows: string[] = []
  for (const message of messages) {
    if (message.type === 'DataRow' || message.type === 'CopyData') {
      rows.push(describeMessage(message))
      continue
    }
    lines.push(...(tolerance.anyRows ? [] : tolerance.anyOrder ? rows.sort() : rows))
    rows = []
    lines.push(describeMessage(message))
  }
  return lines
}

// The fields of an ErrorResponse that belong to the statement; the others tell of PostgreSQL's source and of functions.
const comparedFields = ['S', 'C', 'M', 'D', 'P', 's', 't', 'c', 'd', 'n']

function describeMessage(message: BackendMessage): string {
  switch (message.type) {
    case 'DataRow':
      return `row ${message.values.map((value) => (value === null ? 'NULL' : printable(value))).join(' | ')}`
    case 'CopyData':
      return `copy ${printable(message.data)}`
    case 'RowDescription':
      return `columns ${message.fields
        .map((f) => `${f.name}(type ${f.typeOid} ${f.typmod}, from ${f.tableOid}.${f.attnum}, format ${f.format})`)
        .join(', ')}`
    case 'ErrorResponse':
    case 'NoticeResponse':
      return `${message.type} ${comparedFields
        .flatMap((code) => (message.fields.has(code) ? [`${code}=${comparableField(code, message.fields)}`] : []))
        .join(' ')}`
    case 'Other':
      return `${message.code} ${printable(message.body)}`
    default:
      return JSON.stringify(message)
  }
}

/** The row that a failed constraint shows has the new columns in it. */
function comparableField(code: string, fields: ReadonlyMap<string, string>): string {
  const value = fields.get(code) ?? ''
  return code === 'D' && value.startsWith('Failing row contains') ? 'Failing row contains' : value
}

function printable(data: Buffer): string {
  const text = data.toString('latin1')
  return /^[\x20-\x7e\n]*$/.test(text) ? text : data.toString('hex')
}
