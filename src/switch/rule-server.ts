import type { Catalog } from '../catalog/catalog.js'
import type { TextQuery } from '../catalog/introspect.js'
import type { Checked } from '../config/problem.js'
import type { RuleFile } from '../config/rule-file.js'
import type { ResolvedType, RuleServer, TypeTable } from '../config/rule-server.js'
import { findTable, tableNames } from '../config/table-name.js'
import type { StepRules } from '../rewrite/plan-step.js'
import type { Parser } from '../sql/parse.js'
import { bindRules } from './bind-rules.js'
import { resolveType } from './resolve-type.js'
import { withScratch } from './scratch.js'

/**
 * Asks the database once for each rule and each type: what was bound stays so, also where a later migration drops a type
 * or a function that an old version's rule names.
 */
export function createRuleServer(query: TextQuery, parser: Parser): RuleServer {
  const knownTypes = new Map<string, ResolvedType>()
  const knownRules = new Map<string, StepRules>()
  return {
    async types(files) {
      const texts = new Set(typesOf(files))
      const unknown = [...texts].filter((text) => !knownTypes.has(text))
      const table: Map<string, ResolvedType | { readonly problem: string }> = new Map(knownTypes)
      if (unknown.length === 0) return table satisfies TypeTable
      await withScratch(query, async (scratch) => {
        for (const text of unknown) {
          const resolved = await resolveType(scratch, text)
          if (resolved.ok) knownTypes.set(text, resolved.value)
          table.set(text, resolved.ok ? resolved.value : { problem: resolved.error.message })
        }
      })
      return table
    },
    async bind(before, after, file): Promise<Checked<StepRules>> {
      const key = JSON.stringify([file.version, file.tables, relationsOf(before, after, file)])
      const known = knownRules.get(key)
      if (known !== undefined) return { ok: true, value: known }
      const bound = await bindRules(query, before, after, file, parser)
      if (bound.ok) knownRules.set(key, bound.value)
      return bound
    },
  }
}

function typesOf(files: readonly RuleFile[]): string[] {
  return files.flatMap(({ tables }) =>
    tables.flatMap(({ columns }) =>
      columns.flatMap(({ computed }) => (computed?.type === undefined ? [] : [computed.type.value])),
    ),
  )
}

function relationsOf(before: Catalog, after: Catalog, file: RuleFile) {
  return file.tables.map((rule) => {
    const old = findTable(before, tableNames(rule).before)
    return [old, old && after.byOid.get(old.oid)]
  })
}
