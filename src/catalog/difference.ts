/** A change between two catalogs that statements of the older version would not survive. */
export interface Difference {
  /** The relation (or function, type) as the older version names it, schema-qualified. */
  readonly relation: string
  /** The column as the older version names it. */
  readonly column?: string
  /** What is different, as a clause: `the column was dropped`. */
  readonly what: string
  /** What its author can do about it. */
  readonly hint: string
  /** The keys of its table's rule that answer it, with `...` where its author has to fill in. */
  readonly rule?: TableAnswer
  /** Nobody can allow it: rules contradict themselves or the step, or old statements would be answered wrongly. */
  readonly final?: true
}

/** Part of a table's rule in a rule file. */
export type TableAnswer = Readonly<Record<string, unknown>>

/** One line for a person: `public.users.email: the column was dropped (keep it ...)`. */
export function formatDifference(difference: Difference): string {
  const { relation, column, what, hint } = difference
  return `${column === undefined ? relation : `${relation}.${column}`}: ${what} (${hint})`
}

/** `schema.name`, for messages. */
export function qualifiedName(thing: { readonly schema: string; readonly name: string }): string {
  return `${thing.schema}.${thing.name}`
}
