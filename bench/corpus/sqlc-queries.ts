import type { CorpusQuery } from './project.js'

/**
 * sqlc puts each statement into a Go constant, with its own notation (sqlc.arg, @name, sqlc.embed) already translated to
 * what the server gets:
 *
 *     const getJob = `-- name: GetJob :one
 *     SELECT ... WHERE id = $1
 *     `
 *
 * What a COPY of rows asks before it starts (pgx prepares a SELECT of the columns) is made from its call.
 */
export function readSqlcQueries(text: string): readonly CorpusQuery[] {
  const constants = text.matchAll(/^(?:const|var) \w+ = `(--\s*name:\s*(\w+)\s*:\w+[^\n]*\n[^`]*)`/gm)
  const copies = text.matchAll(/\.CopyFrom\(ctx, \[\]string\{([^}]*)\}, \[\]string\{([^}]*)\}/g)
  return [
    ...[...constants].map(([, sql = '', name = '']) => ({ name, sql })),
    ...[...copies].map(([, table = '', columns = '']) => ({
      name: `copy ${table}`,
      sql: `select ${columns} from ${table.replaceAll(/",\s*"/g, '"."')}`,
    })),
  ]
}
