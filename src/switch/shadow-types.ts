import type { Catalog, NamedObject } from '../catalog/catalog.js'
import { enumsToShadow } from '../catalog/diff-objects.js'
import type { TextQuery } from '../catalog/introspect.js'
import { HOTSWAP_SCHEMA } from '../catalog/relabelled.js'
import type { RuleFile } from '../config/rule-file.js'
import { wantedShadow } from '../config/shadow-rules.js'
import type { ClientError } from '../proxy/contracts.js'
import { fromByteString } from '../sql/byte-string.js'
import { MAX_NAME_BYTES, qualifiedName, quoteLiteral } from '../sql/identifier.js'
import { serverErrorOf } from './server-error.js'

export type ShadowOutcome =
  | { readonly kind: 'none' | 'made' }
  | { readonly kind: 'refused'; readonly error: ClientError }

/**
 * Makes the types that old statements see relabelled enums as, in the migration's own transaction: whoever sees the new
 * labels finds them. Undefined where the migration relabelled none; an error where its role may not make them.
 *
 *     ALTER TYPE mood RENAME VALUE 'sad' TO 'unhappy'  =>  CREATE TYPE hotswap."0003_mood" AS ENUM ('sad', 'ok')
 */
export async function createShadowTypes(
  query: TextQuery,
  before: Catalog,
  after: Catalog,
  version: string,
  rules: readonly RuleFile[] = [],
): Promise<ShadowOutcome> {
  const enums = enumsToShadow(before, after)
  if (enums.length === 0) return { kind: 'none' }
  const old = enums.map((pair) => pair.before)
  const names = shadowNames(old, after, version).map((name, index) => {
    const type = old[index]
    const wanted = type && wantedShadow(rules, type)
    return textOf(qualifiedName(HOTSWAP_SCHEMA, wanted?.schema === HOTSWAP_SCHEMA ? wanted.name : name))
  })
  const statements = [
    ...(await schemaStatements(query)),
    ...old.flatMap(({ shape }, index) => typeStatements(names[index] ?? '', shape)),
  ]
  try {
    for (const statement of statements) await query(statement)
    for (const [index, { after: now }] of enums.entries()) await copyCasts(query, now, names[index] ?? '')
    return { kind: 'made' }
  } catch (error) {
    const known = serverErrorOf(error)
    if (known === undefined) throw error
    return { kind: 'refused', error: refusal(known.sqlstate, known.message, statements) }
  }
}

function refusal(sqlstate: string, message: string, statements: readonly string[]): ClientError {
  return {
    sqlstate,
    message: `the migration was rolled back: old statements need a type with the old labels, which could not be made: ${message}`,
    detail: statements.join(';\n'),
    hint: 'Let the role of the migration make types in that schema, once: CREATE SCHEMA IF NOT EXISTS hotswap; GRANT USAGE ON SCHEMA hotswap TO PUBLIC; GRANT CREATE ON SCHEMA hotswap TO the role.',
  }
}

/** Nothing of the schema is granted by that but to name what is in it. */
async function schemaStatements(query: TextQuery): Promise<string[]> {
  const [found] = await query(
    `SELECT pg_catalog.has_schema_privilege('public', n.oid, 'USAGE') FROM pg_catalog.pg_namespace n WHERE n.nspname = '${HOTSWAP_SCHEMA}'`,
  )
  return [
    ...(found === undefined ? [`CREATE SCHEMA ${HOTSWAP_SCHEMA}`] : []),
    ...(found?.[0] === 't' ? [] : [`GRANT USAGE ON SCHEMA ${HOTSWAP_SCHEMA} TO PUBLIC`]),
  ]
}

function typeStatements(name: string, labels: readonly string[]): string[] {
  const list = labels.map((label) => textOf(quoteLiteral(label))).join(', ')
  return [`CREATE TYPE ${name} AS ENUM (${list})`, `GRANT USAGE ON TYPE ${name} TO PUBLIC`]
}

/** Casts WITH INOUT, by which drivers that send text write enums: the type's own, as of its new version. */
async function copyCasts(query: TextQuery, { oid }: NamedObject, name: string): Promise<void> {
  const rows = await query(
    `SELECT c.castsource = ${oid}, pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(t.typname),
       CASE c.castcontext WHEN 'i' THEN ' AS IMPLICIT' WHEN 'a' THEN ' AS ASSIGNMENT' ELSE '' END
     FROM pg_catalog.pg_cast c
     JOIN pg_catalog.pg_type t ON t.oid = CASE WHEN c.castsource = ${oid} THEN c.casttarget ELSE c.castsource END
     JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
     WHERE c.castmethod = 'i' AND ${oid} IN (c.castsource, c.casttarget)`,
  )
  for (const [isSource, other, context] of rows) {
    const types = isSource === 't' ? `${name} AS ${other}` : `${other} AS ${name}`
    await query(`CREATE CAST (${types}) WITH INOUT${context}`)
  }
}

/** `0003_mood`: of plain characters, since it stands in messages; numbered where two would have the same. */
export function shadowNames(
  enums: readonly Pick<NamedObject, 'name'>[],
  { objectsByName, byName }: Catalog,
  version: string,
): readonly string[] {
  const isTaken = (name: string) =>
    byName.get(HOTSWAP_SCHEMA)?.has(name) === true ||
    (objectsByName.get(name) ?? []).some(({ schema }) => schema === HOTSWAP_SCHEMA)
  const names: string[] = []
  for (const { name } of enums) {
    const plain = `${version}_${name}`.replace(/[^\w-]/g, '_')
    const candidate = (count: number) => {
      const suffix = count === 1 ? '' : `_${count}`
      return plain.slice(0, MAX_NAME_BYTES - suffix.length) + suffix
    }
    let count = 1
    while (isTaken(candidate(count)) || names.includes(candidate(count))) count++
    names.push(candidate(count))
  }
  return names
}

function textOf(bytes: string): string {
  return fromByteString(bytes) ?? bytes
}
