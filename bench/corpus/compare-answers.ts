import type { Answer, DescribedColumn, Description } from './statement-client.js'

/** What became of a statement of an older version, against what it was on its own schema. */
export type Verdict =
  | { readonly kind: 'same' }
  | { readonly kind: 'types'; readonly reason: string }
  | { readonly kind: 'refused'; readonly reason: string; readonly hint: string | undefined }
  | { readonly kind: 'failed'; readonly reason: string }
  /** It ran, and gave other rows. */
  | { readonly kind: 'values'; readonly reason: string }

/** Compares parameter types, column names, types and lengths, and whether a plan can be made. */
export function compareAnswers(truth: Description, answer: Answer, refused: boolean): Verdict {
  if (answer.kind === 'error') {
    const text = `${answer.sqlstate} ${answer.message}`
    // XX000 is what the proxy answers where it met a bug of its own.
    return refused && answer.sqlstate !== 'XX000'
      ? { kind: 'refused', reason: text, hint: answer.hint }
      : { kind: 'failed', reason: text }
  }
  const difference =
    differentParameters(truth.parameters, answer.parameters) ?? differentColumns(truth.columns, answer.columns)
  if (difference !== undefined) return { kind: 'types', reason: difference }
  if (truth.planError === undefined && answer.planError !== undefined) {
    return { kind: 'failed', reason: `no plan: ${answer.planError.sqlstate} ${answer.planError.message}` }
  }
  return compareTrials(truth, answer) ?? { kind: 'same' }
}

function compareTrials({ trial: before, columns }: Description, { trial: after }: Description): Verdict | undefined {
  if (before?.kind !== 'rows' || after === undefined) return undefined
  if (after.kind === 'error') return { kind: 'failed', reason: `run: ${after.sqlstate} ${after.message}` }
  if (before.rows.length !== after.rows.length) {
    return { kind: 'values', reason: `${before.rows.length} rows, now ${after.rows.length}` }
  }
  for (const [at, row] of before.rows.entries()) {
    const index = row.findIndex((value, place) => value !== after.rows[at]?.[place])
    const name = columns?.[index]?.name
    if (index >= 0) return { kind: 'values', reason: `"${name}" was ${row[index]}, now ${after.rows[at]?.[index]}` }
  }
  return undefined
}

function differentParameters(before: readonly number[], after: readonly number[]): string | undefined {
  if (before.length !== after.length) return `${before.length} parameters, now ${after.length}`
  const index = before.findIndex((oid, position) => oid !== after[position])
  return index < 0 ? undefined : `$${index + 1} was of type ${before[index]}, now ${after[index]}`
}

function differentColumns(
  before: readonly DescribedColumn[] | undefined,
  after: readonly DescribedColumn[] | undefined,
): string | undefined {
  const [old = [], now = []] = [before, after]
  if (old.length !== now.length) return `${old.length} columns, now ${now.length}`
  for (const [index, column] of old.entries()) {
    const other = now[index]
    if (other === undefined) continue
    const at = `column ${index + 1} ("${column.name}")`
    if (column.name !== other.name) return `${at} is named "${other.name}" now`
    if (column.typeOid !== other.typeOid) return `${at} was of type ${column.typeOid}, now ${other.typeOid}`
    if (column.typmod !== other.typmod) return `${at} had typmod ${column.typmod}, now ${other.typmod}`
  }
  return undefined
}
