import type { CorpusQuery } from './project.js'

/** sqlx keeps each statement that a macro checked in a file of its own: `{"query": "SELECT ...", "describe": {...}}`. */
export function readSqlxQueries(text: string, path: string): readonly CorpusQuery[] {
  const { query } = JSON.parse(text) as { readonly query?: unknown }
  if (typeof query !== 'string') return []
  return [{ name: path.replace(/^.*query-(.{8}).*$/, '$1'), sql: query }]
}
