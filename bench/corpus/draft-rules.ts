import { parse, stringify } from 'yaml'
import type { Difference } from '../../src/catalog/difference.js'

interface Draft {
  readonly tables: Record<string, Record<string, unknown>>
}

/**
 * The rule file that a user gets who follows each hint to the letter; undefined where no hint says one.
 *
 *     give a rule: tables: { users: { insert: { country: "'value'" } } }  =>  tables: { users: { insert: { country: ... } } }
 */
export function draftRules(differences: readonly Difference[]): string | undefined {
  const draft: Draft = { tables: {} }
  for (const { relation, hint } of differences) {
    const [, key, value = ''] = /\b(tables|columns): (\{.*\})/.exec(hint) ?? []
    if (key === undefined) continue
    const said = parseHint(value)
    if (said !== undefined) merge(draft.tables, key === 'tables' ? said : { [relation]: { columns: said } })
  }
  const tables = unqualified(draft.tables)
  return Object.keys(tables).length === 0 ? undefined : stringify({ tables })
}

function parseHint(text: string): Record<string, unknown> | undefined {
  try {
    return parse(text) as Record<string, unknown>
  } catch {
    // A hint that is no YAML is a finding: the difference stays open.
    return undefined
  }
}

/** Hints name a table as it is, or with its schema: one rule may come of both. */
function unqualified(tables: Record<string, Record<string, unknown>>): Record<string, unknown> {
  const merged: Record<string, unknown> = {}
  for (const [name, rule] of Object.entries(tables)) merge(merged, { [name.replace(/^public\./, '')]: rule })
  return merged
}

function merge(into: Record<string, unknown>, from: Record<string, unknown>): void {
  for (const [key, value] of Object.entries(from)) {
    const known = into[key]
    if (isMapping(known) && isMapping(value)) merge(known, value)
    else into[key] = value
  }
}

function isMapping(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
