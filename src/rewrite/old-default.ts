import { type Catalog, type Column, findRelation } from '../catalog/catalog.js'
import { constantLabel, HOTSWAP_SCHEMA } from '../catalog/relabelled.js'

/** The first oid of objects that are not PostgreSQL's own (FirstNormalObjectId). */
const FIRST_USER_OID = 16384

/** pg_catalog.nextval(regclass) */
const NEXTVAL = /:funcid 1574\b/

export function drawsFromSequence({ identity, defaultTree }: Column): boolean {
  return identity !== 'none' || (defaultTree !== undefined && NEXTVAL.test(defaultTree))
}

/**
 * A column's default as SQL text that means now what it meant before the step: `NULL` for none; undefined where it names
 * objects that the step may have renamed, moved or replaced.
 *
 *     nextval('public.users_id_seq'::regclass)  =>  pg_catalog.nextval('16390'::pg_catalog.regclass)
 */
export function oldDefault(
  { hasDefault, defaultTree, defaultText, typeOid }: Column,
  { before, after }: { readonly before: Catalog; readonly after: Catalog },
): string | undefined {
  if (!hasDefault) return 'NULL'
  if (defaultTree === undefined || defaultText === undefined) return undefined
  if (NEXTVAL.test(defaultTree)) return sequenceDefault(defaultText, before, after)
  // The text of a relabelled enum's default is a label of the shadow type already.
  if (after.objectByOid.get(typeOid)?.schema === HOTSWAP_SCHEMA && !defaultTree.includes(`:consttype ${typeOid} `)) {
    return constantLabel(defaultTree, before) === undefined ? undefined : defaultText
  }
  const oids = [...defaultTree.matchAll(/(?<![\w.-])\d{5,}(?![\w.])/g)].map(([digits]) => Number(digits))
  const isKept = (oid: number) => {
    const [old, now] = [before.objectByOid.get(oid), after.objectByOid.get(oid)]
    return old !== undefined && now !== undefined && old.schema === now.schema && old.name === now.name
  }
  // 2205 is regclass: its constants hold oids as bytes, and print names.
  if (/:consttype 2205\b/.test(defaultTree)) return undefined
  return oids.filter((oid) => oid >= FIRST_USER_OID).every(isKept) ? defaultText : undefined
}

/** By oid: a sequence's name may be another one now. */
function sequenceDefault(text: string, before: Catalog, after: Catalog): string | undefined {
  const match = /^nextval\('((?:[^']|'')+)'::regclass\)$/.exec(text)
  const name = /^("(?:[^"]|"")+"|[^".]+)\.("(?:[^"]|"")+"|[^".]+)$/.exec((match?.[1] ?? '').replaceAll("''", "'"))
  if (name === null) return undefined
  const [schema = '', sequence = ''] = name.slice(1).map(unquoted)
  const found = findRelation(before, [], schema, sequence)
  if (found === undefined || !after.byOid.has(found.oid)) return undefined
  return `pg_catalog.nextval('${found.oid}'::pg_catalog.regclass)`
}

function unquoted(name: string): string {
  return name.startsWith('"') ? name.slice(1, -1).replaceAll('""', '"') : name
}
