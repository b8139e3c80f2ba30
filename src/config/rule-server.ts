import type { Catalog, Column } from '../catalog/catalog.js'
import type { StepRules } from '../rewrite/plan-step.js'
import type { Checked } from './problem.js'
import type { RuleFile } from './rule-file.js'

/** A data type as a catalog has it. */
export type ResolvedType = Pick<Column, 'typeOid' | 'typmod' | 'type' | 'collationOid'>

/** What the texts of `type` mean on the server, or the server's complaint. */
export type TypeTable = ReadonlyMap<string, ResolvedType | { readonly problem: string }>

/** What must be asked of the database to know what rule files say. */
export interface RuleServer {
  types(files: readonly RuleFile[]): Promise<TypeTable>
  /** Checks and pins the expressions of a step. */
  bind(before: Catalog, after: Catalog, file: RuleFile): Promise<Checked<StepRules>>
}

/** The type that a rule gives, where there is such a type. */
export function resolvedType(types: TypeTable, text: string | undefined): ResolvedType | undefined {
  const found = text === undefined ? undefined : types.get(text)
  return found === undefined || 'problem' in found ? undefined : found
}
