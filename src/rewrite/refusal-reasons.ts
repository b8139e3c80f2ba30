/**
 * Every reason for which a statement is refused, by its short name, which stays the same: README's section "What is refused,
 * and why" says of each what to do instead. With each the messages that clients see, `*` for what differs in them.
 */
export const REFUSAL_REASONS = {
  'whole-row': [
    'the whole row of "*" would show columns that were added or changed',
    'the whole row of "*" is passed on, and field names that changed may be seen where it goes',
    'the whole row of "*" is used both for its fields and as its table\'s row type',
    'the whole row of "*" cannot be told apart from a new column of that name',
    'the rows of "*" are used as a whole, and the table that they are rows of has changed',
    'the fields of "*" cannot be listed by .* here',
    '"*(*)" means a column that was renamed or changed',
  ],
  'row-value': [
    'column "*" holds rows of "*", whose columns changed',
    'field "*" may belong to the row type of "*", whose columns changed',
    'a function in FROM is given rows of a table whose columns changed, and shows their fields',
  ],
  'row-type': [
    'the row type of "*" is used as a type, and its columns changed',
    'the function called here returns rows of "*", whose columns changed',
  ],
  'ambiguous-column': [
    'column reference "*" cannot be told apart from a new column',
    'column reference "*" may belong to a table that changed, or to a relation whose columns are not known',
  ],
  'unlisted-columns': [
    'the columns of * cannot be listed: a subquery without alias, a merged column or unknown columns are among them',
    'INSERT into "*" names no columns, and the number of its values cannot be known',
    'the values of this INSERT into "*" are counted by a star',
    'the number of columns that the query of a SET gives cannot be known',
    '* gives the values of several columns of a SET',
  ],
  'grouped-by-key': ['columns of "*" are used that only its primary key groups, and one of them is computed now'],
  'ambiguous-function': [
    'it is not certain which function "*" means now',
    'the columns of ROWS FROM are named after function "*", which has another name now',
    '"*" may be a call of function "*", which was renamed or moved, in the form of a field',
  ],
  dropped: [
    'relation "*" no longer exists',
    '* "*" no longer exists',
    'a function is asked about column "*", which is gone',
    'the columns of "*" to analyze are gone',
    'UPDATE of "*" sets only columns that are discarded, and none is left that may be set',
    'a row for "*" gives a value to none of the columns that are left',
  ],
  lost: ['column "*" of "*" was lost in a migration: *'],
  'read-only': ['column "*" of "*" is written, and nothing says what becomes of it in the new schema'],
  'computed-write': [
    '"*" is written to several new columns, and a value that calls functions must be evaluated once',
    '"*" and "*" are both written to the new column "*"',
    '"*" and columns that a query gives are written to one new column',
    'the row of "*" that is written has no name',
    'an element or a field of "*" is assigned, and the migration changed how the column is stored',
    'an element of "*" is assigned by a query together with columns that the migration changed',
    'the query of this INSERT into "*" cannot be put into a subquery',
  ],
  'conflict-target': ['ON CONFLICT names column "*", and equal old values need not be equal in the new schema'],
  'view-insert': ['INSERT into view "*" reaches table "*", to whose new row a rule gives values'],
  copy: [
    'COPY into "*" cannot compute what column "*" is stored as now',
    'COPY into "*" cannot give its new columns the values that the rule says',
    'COPY of "*" names columns in its options, and columns were renamed',
  ],
  'schema-change': [
    'this statement (*) names something that a migration changed',
    'a new unique index on "*" would bind newer versions too',
    'a new index on columns of "*" that were changed',
    'a table that inherits from "*" would have columns that were changed',
    'a foreign key refers to a column of "*" that is computed now',
    'LIKE would copy columns of "*" that were changed',
  ],
  'name-in-use': [
    'a newer version of the schema has a relation "*"',
    '"*" is another relation in a newer version of the schema',
    'index "*" is not in a newer version of the schema',
    'column "*" of "*" is gone in a newer version of the schema',
  ],
  'hidden-query': [
    'a string holds a query that names something that a migration changed',
    'a function shows table "*" by its new names',
  ],
  'earlier-statement': ['an earlier statement of the same query may have changed what the names in this one mean'],
  unreadable: ['the text of this statement cannot be read, and it names something that a migration changed'],
} as const satisfies Readonly<Record<string, readonly string[]>>

export type RefusalReason = keyof typeof REFUSAL_REASONS

const PATTERNS: readonly (readonly [RefusalReason, RegExp])[] = Object.entries(REFUSAL_REASONS).flatMap(
  ([reason, messages]) => messages.map((message) => [reason as RefusalReason, patternOf(message)] as const),
)

/** Exact messages first, names in them being anything: `relation "*" no longer exists` before `* "*" no longer exists`. */
function patternOf(message: string): RegExp {
  const parts = message.split('*').map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
  return new RegExp(`^${parts.join('.*')}$`, 's')
}

/** The reason that a refusal's message tells; undefined where PostgreSQL itself would have failed with it. */
export function refusalReason(message: string): RefusalReason | undefined {
  return PATTERNS.find(([, pattern]) => pattern.test(message))?.[0]
}
