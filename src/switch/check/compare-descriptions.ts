import type { TypeOids } from '../../rewrite/type-oids.js'
import type { Described } from './checked-statement.js'

/** The name of a data type with its length, for messages. */
export type TypeNames = (typeOid: number, typmod: number) => string

/** A description with the oids that the client knows. */
export function asClientKnows({ parameters, fields }: Described, oids: TypeOids | undefined): Described {
  if (oids === undefined) return { parameters, fields }
  const known = (oid: number) => oids.toClient.get(oid) ?? oid
  return {
    parameters: parameters.map(known),
    fields: fields.map((field) => ({ ...field, typeOid: known(field.typeOid) })),
  }
}

/** How a description differs from the one of the old schema; undefined where a client sees no difference. */
export function compareDescriptions(before: Described, after: Described): ((names: TypeNames) => string) | undefined {
  return compareParameters(before, after) ?? compareFields(before, after)
}

function compareParameters(before: Described, after: Described): ((names: TypeNames) => string) | undefined {
  const [old, now] = [before.parameters, after.parameters]
  if (old.length !== now.length) return () => `it had ${old.length} parameters, now ${now.length}`
  const index = old.findIndex((oid, at) => oid !== now[at])
  if (index < 0) return undefined
  return (names) => `$${index + 1} was of type ${names(old[index] ?? 0, -1)}, now ${names(now[index] ?? 0, -1)}`
}

function compareFields(before: Described, after: Described): ((names: TypeNames) => string) | undefined {
  const [old, now] = [before.fields, after.fields]
  if (old.length !== now.length) return () => `it had ${old.length} columns, now ${now.length}`
  for (const [index, field] of old.entries()) {
    const other = now[index]
    if (other === undefined) continue
    const at = `column ${index + 1} (${readable(field.name)})`
    if (field.name !== other.name) return () => `${at} is named ${readable(other.name)} now`
    if (field.typeOid !== other.typeOid || field.typmod !== other.typmod) {
      return (names) =>
        `${at} was of type ${names(field.typeOid, field.typmod)}, now ${names(other.typeOid, other.typmod)}`
    }
  }
  return undefined
}

function readable(name: string): string {
  return `"${Buffer.from(name, 'latin1').toString('utf8')}"`
}
