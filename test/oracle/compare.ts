import type { Relation } from '../../src/catalog/catalog.js'
import type { ErrorFields } from '../../src/rewrite/outcome.js'
import { toByteString } from '../../src/sql/byte-string.js'
import type { BackendMessage } from '../support/backend-message.js'

type Field = Extract<BackendMessage, { type: 'RowDescription' }>['fields'][number]

/** What to disregard between two answers. */
export interface Tolerance {
  /** Relations of the old schema, by oid; any other relation was made by the statement, and its oid is by chance. */
  readonly relations: ReadonlyMap<number, Relation>
  /** Columns of the old schema that are computed now, as `oid.attnum`: their values may come from no column. */
  readonly computed: ReadonlySet<string>
  /** Rows may come in another order. */
  readonly anyOrder: boolean
  /** Rows are the text of a plan, which names the new schema. */
  readonly anyRows: boolean
  /** How many RowDescriptions come from the analysis of a statement; those after them come from its plan. */
  readonly analysed: number
}

/** Objects that initdb made have smaller oids (FirstNormalObjectId, transam.h). */
const FIRST_NORMAL_OID = 16384

/**
 * The first difference between two answers, in words; undefined where there is none.
 * Oids of relations and types may be compared as they are, as one database is a copy of the other.
 */
export function differenceOf(
  expected: readonly BackendMessage[],
  got: readonly BackendMessage[],
  tolerance: Tolerance,
): string | undefined {
  const [left, right] = [
    describeAnswer(expected, tolerance),
    describeAnswer(adapted(expected, got, tolerance), tolerance),
  ]
  for (let index = 0; index < Math.max(left.length, right.length); index += 1) {
    if (left[index] !== right[index]) {
      return `expected ${left[index] ?? 'nothing more'}\n     got ${right[index] ?? 'nothing more'}`
    }
  }
  return undefined
}

/** The answer with what it may lack, as it is expected. */
function adapted(
  expected: readonly BackendMessage[],
  got: readonly BackendMessage[],
  tolerance: Tolerance,
): readonly BackendMessage[] {
  const descriptions = expected.filter((message) => message.type === 'RowDescription')
  const error = expected.find((message) => message.type === 'ErrorResponse')
  let at = 0
  return got.map((message) => {
    if (message.type === 'ErrorResponse' && error?.type === 'ErrorResponse') {
      return { ...message, fields: withRow(error.fields, message.fields, tolerance) }
    }
    if (message.type !== 'RowDescription') return message
    const other = descriptions[at]
    const isPlanned = at++ >= tolerance.analysed
    const fields = message.fields.map((field, index) => {
      const wanted = other?.fields[index]
      return wanted === undefined ? field : withOrigin(wanted, field, isPlanned, tolerance)
    })
    return { ...message, fields }
  })
}

/**
 * A computed column may lack its origin. A plan may show a length where the statement has none: PostgreSQL drops arms of
 * UNION ALL and of CASE of which a constant, as a dropped column is one, says that they are never reached.
 */
function withOrigin(wanted: Field, field: Field, isPlanned: boolean, { computed }: Tolerance): Field {
  const { tableOid, attnum, typmod } = wanted
  const isComputed = field.tableOid === 0 && computed.has(`${tableOid}.${attnum}`)
  const isFolded = isPlanned && typmod === -1
  return { ...field, ...(isComputed ? { tableOid, attnum } : {}), ...(isFolded ? { typmod } : {}) }
}

/** No row is shown where a dropped column that was NOT NULL is given NULL. */
function withRow(wanted: ErrorFields, fields: ErrorFields, { relations, computed }: Tolerance): ErrorFields {
  const detail = wanted.get('D')
  if (wanted.get('C') !== '23502' || detail === undefined || fields.has('D')) return fields
  const relation = [...relations.values()].find(
    ({ schema, name }) => toByteString(schema) === wanted.get('s') && toByteString(name) === wanted.get('t'),
  )
  const column = relation?.columns.find(({ name }) => toByteString(name) === wanted.get('c'))
  return computed.has(`${relation?.oid}.${column?.attnum}`) ? new Map([...fields, ['D', detail]]) : fields
}

function describeAnswer(messages: readonly BackendMessage[], tolerance: Tolerance): string[] {
  let lines: string[] = []
  let rows: string[] = []
  for (const message of messages) {
    if (message.type === 'DataRow' || message.type === 'CopyData') {
      rows.push(describeMessage(message, tolerance))
      continue
    }
    // Not by spreading: a cross join gives more rows than a call takes arguments.
    // Which rows come before the one that fails hangs on their order.
    const isFailed = message.type === 'ErrorResponse' && tolerance.anyOrder
    if (!tolerance.anyRows && !isFailed) lines = lines.concat(tolerance.anyOrder ? rows.sort() : rows)
    rows = []
    lines.push(describeMessage(message, tolerance))
  }
  return lines.concat(rows)
}

// The fields of an ErrorResponse that belong to the statement; the others tell of PostgreSQL's source and of functions.
const comparedFields = ['S', 'C', 'M', 'D', 'H', 'P', 's', 't', 'c', 'd', 'n']

function describeMessage(message: BackendMessage, { relations }: Tolerance): string {
  switch (message.type) {
    case 'DataRow':
      return `row ${message.values.map((value) => (value === null ? 'NULL' : printable(value))).join(' | ')}`
    case 'CopyData':
      return `copy ${printable(message.data)}`
    case 'RowDescription':
      return `columns ${message.fields
        .map((f) => {
          const origin = f.tableOid < FIRST_NORMAL_OID || relations.has(f.tableOid) ? f.tableOid : 'new'
          return `${f.name}(type ${f.typeOid} ${f.typmod}, from ${origin}.${f.attnum}, format ${f.format})`
        })
        .join(', ')}`
    case 'ErrorResponse':
    case 'NoticeResponse':
      return `${message.type} ${comparedFields
        .flatMap((code) => {
          const value = message.fields.get(code)
          // Whether a name is near enough, and which is the nearest, hangs on all the others.
          const isNearName = value?.startsWith('Perhaps you meant to reference the column') === true
          return value === undefined || isNearName ? [] : [`${code}=${comparableField(value)}`]
        })
        .join(' ')}`
    case 'Other':
      return `${message.code} ${printable(message.body)}`
    default:
      return JSON.stringify(message)
  }
}

/** What a failed constraint shows of rows and keys are new columns' values; which table is meant hangs on all others. */
function comparableField(value: string): string {
  return (
    /^(?:Failing row contains|Perhaps you meant to reference the table alias)/.exec(value)?.[0] ??
    value.replace(/^(Key \(.*\))=\(.*\) (already|is|conflicts)/s, '$1=(...) $2')
  )
}

function printable(data: Buffer): string {
  const text = data.toString('latin1')
  return /^[\x20-\x7e\n]*$/.test(text) ? text : data.toString('hex')
}
