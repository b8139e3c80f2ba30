/**
 * Why generated statements may be refused, with names left out. The README says of each what to do; a reason that is
 * not in this list fails the run.
 */
export const documentedRefusals: readonly string[] = [
  '"..." and "..." are both written to the new column "..."',
  '"..." is written to several new columns, and a value that calls functions must be evaluated once',
  'COPY into "..." cannot compute what column "..." is stored as now',
  'COPY into "..." cannot give its new columns the values that the rule says',
  'ON CONFLICT names column "...", and equal old values need not be equal in the new schema',
  'a row for "..." gives a value to none of the columns that are left',
  'an element or a field of "..." is assigned, and the migration changed how the column is stored',
  'column reference "..." cannot be told apart from a new column',
  'columns of "..." are used that only its primary key groups, and one of them is computed now',
  'the columns of * cannot be listed: a subquery without alias, a merged column or unknown columns are among them',
  'the whole row of "..." cannot be told apart from a new column of that name',
  'the whole row of "..." would show columns that were added or changed',
]

/** A reason without the names and numbers of its statement. */
export function normalizedReason(reason: string): string {
  return reason.replace(/"(?:[^"]|"")*"/g, '"..."').replace(/\b\d+\b/g, 'N')
}
