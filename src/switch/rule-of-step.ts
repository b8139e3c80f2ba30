import { stringify } from 'yaml'
import { isSystemSchema } from '../catalog/diff.js'
import { type Mapping, plainName, type RelationMapping } from '../rewrite/mapping.js'

/**
 * The rule file that declares a step which identity has shown: with it in the rules folder, the step outlives the proxy.
 *
 *     ALTER TABLE users RENAME TO people  =>  tables: { public.users: { to: public.people } }
 */
export function ruleOfStep(mapping: Mapping): string {
  const tables = Object.fromEntries(
    [...mapping.relations.values()]
      .filter(({ before }) => !isSystemSchema(before.schema))
      .map((relation) => [printName(relation.before), tableRule(relation)] as const)
      .filter(([, rule]) => Object.keys(rule).length > 0),
  )
  return stringify({ tables })
}

function tableRule({ before, after, columns, added, insert }: RelationMapping): Record<string, unknown> {
  const moved = before.name !== after.name || before.schema !== after.schema
  const renamed = [...columns]
    .map(([old, column]) => [old, plainName(column) ?? old])
    .filter(([old, name]) => old !== name)
  return {
    ...(moved ? { to: printName(after) } : {}),
    ...(renamed.length > 0 ? { columns: Object.fromEntries(renamed) as Record<string, string> } : {}),
    ...(added.length > 0 ? { added: added.map((column) => column.name) } : {}),
    ...(insert.length > 0
      ? { insert: Object.fromEntries(insert.map(({ column, expression }) => [column, expression])) }
      : {}),
  }
}

/** As `parseTableName` reads it. */
function printName({ schema, name }: { readonly schema: string; readonly name: string }): string {
  return [schema, name].map((part) => (/[."]/.test(part) ? `"${part.replaceAll('"', '""')}"` : part)).join('.')
}
