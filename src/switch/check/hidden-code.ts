import { qualifiedName } from '../../catalog/difference.js'
import type { TextQuery } from '../../catalog/introspect.js'
import type { ProxyLog } from '../../proxy/contracts.js'
import { changedColumnNames } from '../../rewrite/closure.js'
import type { RelationMapping } from '../../rewrite/mapping.js'
import type { MadeStep } from './touched.js'

/**
 * Functions, triggers and policies whose text names something that changed: PostgreSQL looks their names up when they run,
 * on the new schema, and no rewriting reaches them. One sentence each.
 */
export async function listHiddenCode(query: TextQuery, step: MadeStep): Promise<readonly string[]> {
  const changed = [...step.mapping.relations.values()].filter(namesChanged)
  const gone = step.before.relations.filter(({ oid }) => !step.after.byOid.has(oid) && !step.mapping.relations.has(oid))
  if (changed.length === 0 && gone.length === 0) return []
  const names = [...new Set([...changed.map(({ before }) => before.name), ...gone.map(({ name }) => name)])]
  const functions = await query(`
SELECT pg_catalog.format('%I.%I', n.nspname, p.proname), p.prosrc
FROM pg_catalog.pg_proc p
JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'hotswap')
JOIN pg_catalog.pg_language l ON l.oid = p.prolang AND l.lanname NOT IN ('internal', 'c')
WHERE p.oid >= 16384 AND p.prosrc ~* ${literal(wordPattern(names))} ORDER BY 1`)
  const found: string[] = []
  for (const [name, source] of functions) {
    const mentioned = [
      ...changed.filter((change) => isBroken(change, source ?? '')).map(({ before }) => before),
      ...gone.filter((relation) => hasWord(source ?? '', relation.name)),
    ]
    if (mentioned.length > 0) {
      found.push(
        `function ${name} names ${mentioned.map(qualifiedName).join(', ')} in its text, which is not rewritten`,
      )
    }
  }
  return [...found, ...(await listTriggers(query, changed))]
}

/** As listHiddenCode, for a step that is committed: it is nothing that could fail it. */
export async function findHiddenCode(control: TextQuery, step: MadeStep, log: ProxyLog): Promise<readonly string[]> {
  return await listHiddenCode(control, step).catch((error: unknown) => {
    log.warn({ error: String(error) }, 'code that names what was changed could not be looked for')
    return []
  })
}

function namesChanged(change: RelationMapping): boolean {
  const { before, after } = change
  return before.name !== after.name || before.schema !== after.schema || oldNames(change).length > 0
}

/** Old columns that are not called so any more, or mean something else. */
function oldNames(change: RelationMapping): readonly string[] {
  const changed = changedColumnNames(change)
  return change.before.columns.map(({ name }) => name).filter((name) => changed.has(name))
}

/** True where the text names the table by a name that is gone, or with it a column that is. */
function isBroken(change: RelationMapping, source: string): boolean {
  const { before, after } = change
  if (!hasWord(source, before.name)) return false
  if (before.name !== after.name || before.schema !== after.schema) return true
  return oldNames(change).some((name) => hasWord(source, name))
}

function hasWord(source: string, name: string): boolean {
  return new RegExp(`(?<![\\w$])${escaped(name)}(?![\\w$])`, 'i').test(source)
}

/**
 * Trigger functions read NEW.column without naming the table, a trigger's arguments are strings, and so may be what a
 * policy compares with.
 */
async function listTriggers(query: TextQuery, changes: readonly RelationMapping[]): Promise<readonly string[]> {
  const renamed = changes.filter((change) => oldNames(change).length > 0)
  if (renamed.length === 0) return []
  const list = renamed.map((change) => {
    const names = oldNames(change)
    return `(${change.after.oid}, ${literal(wordPattern(names))}, ${literal(wordPattern(names, "'([^']*[^[:alnum:]_$'])?"))})`
  })
  const rows = await query(`
WITH changed (oid, pattern, quoted) AS (VALUES ${list.join(', ')})
SELECT changed.oid::int8, t.tgname, pg_catalog.format('%I.%I', n.nspname, p.proname), p.prosrc ~* changed.pattern,
  pg_catalog.encode(t.tgargs, 'escape') ~* changed.pattern
FROM changed
JOIN pg_catalog.pg_trigger t ON t.tgrelid = changed.oid AND NOT t.tgisinternal
JOIN pg_catalog.pg_proc p ON p.oid = t.tgfoid
JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
UNION ALL
SELECT changed.oid::int8, y.polname, NULL, false, false
FROM changed JOIN pg_catalog.pg_policy y ON y.polrelid = changed.oid
WHERE pg_catalog.concat_ws(' ', pg_catalog.pg_get_expr(y.polqual, y.polrelid),
  pg_catalog.pg_get_expr(y.polwithcheck, y.polrelid)) ~ changed.quoted
ORDER BY 2`)
  return rows.flatMap(([oid, name, called, inText, inArguments]) => {
    const change = renamed.find(({ after }) => after.oid === Number(oid))
    const table = change === undefined ? '' : qualifiedName(change.after)
    if (called === null) return [`policy "${name}" of ${table} names a changed column in a string`]
    return [
      ...(inText === 't'
        ? [`function ${called}, which trigger "${name}" of ${table} calls, names a changed column in its text`]
        : []),
      ...(inArguments === 't' ? [`trigger "${name}" of ${table} has a changed column among its arguments`] : []),
    ]
  })
}

/** A regular expression of PostgreSQL for one of the names as a whole word. */
function wordPattern(names: readonly string[], start = '(^|[^[:alnum:]_$])'): string {
  return `${start}(${names.map(escaped).join('|')})($|[^[:alnum:]_$])`
}

function escaped(name: string): string {
  return name.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')
}

function literal(text: string): string {
  return text.includes('\\') ? `E'${text.replace(/[\\']/g, '\\$&')}'` : `'${text.replaceAll("'", "''")}'`
}
