import type { ToolStatement } from '../proxy/contracts.js'
import { type Generation, versionIndex } from '../rewrite/generation.js'

/** What a ledger's entry among the statements calls the migration; the last one counts. */
export function nameRecorded(statements: readonly ToolStatement[]): string | undefined {
  return statements.flatMap(({ records = {} }) => ('name' in records ? [records.name] : [])).at(-1)
}

/** The name of the version that a tool's transaction leads to: as the tool's ledger has it, else a number. What a migration does in several transactions is counted. */
export function versionName(wanted: string | undefined, generation: Generation): string {
  const isFree = (name: string) => versionIndex(generation, name) < 0
  if (wanted !== undefined && isFree(wanted)) return wanted
  for (let number = wanted === undefined ? generation.versions.length : 2; ; number++) {
    const name = wanted === undefined ? `${String(number).padStart(4, '0')}-migration` : `${wanted}.${number}`
    if (isFree(name)) return name
  }
}
