import type { ToolHook } from '../proxy/contracts.js'
import { type LiveMigrationOptions, openMigration } from './live-migration.js'
import { headOf } from './plan-versions.js'
import { readToolStatements } from './tool-statement.js'

export interface ToolHookOptions extends LiveMigrationOptions {
  /** Tables in which tools keep what they have run, folded, without their schema. */
  readonly ledgers: readonly string[]
  /** True where DDL that changes shapes is refused in sessions that are no tools. */
  readonly guarded: boolean
}

/** Lets migration tools run their migrations as they are. */
export function createToolHook(options: ToolHookOptions): ToolHook {
  const { versions, parser, ledgers, guarded } = options
  return {
    ledgers,
    guarded,
    read(text, made) {
      const { objectsByName } = headOf(versions.current())
      const isUserFunction = (name: string) =>
        made?.has(name) === true || objectsByName.get(name)?.some(({ kind }) => kind === 'function') === true
      return readToolStatements(text, { parser, ledgers, isUserFunction })
    },
    open: (session, signal) => openMigration(options, session, signal),
  }
}
