/** Where something stands in a file; line and column are 1-based, as editors count. */
export interface Place {
  readonly file: string
  readonly line: number
  readonly column: number
}

/** One thing that is wrong with a configuration or rule file, in words that its author can act on. */
export interface Problem {
  readonly place: Place
  readonly message: string
}

/** A value, or everything that is wrong with it. */
export type Checked<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly problems: readonly Problem[] }

/** `rules/0001-people.yaml:3:5: there is no table "usres"; did you mean "users"?` */
export function formatProblem({ place, message }: Problem): string {
  return `${place.file}:${place.line}:${place.column}: ${message}`
}
