import { formatProblem } from '../config/problem.js'
import { errorFields } from '../proxy/client-error.js'
import type { ControlHook } from '../proxy/contracts.js'
import { describeVersions, type VersionSource } from './version-source.js'

/** Answers control sessions: RELOAD reads the rule files again, and says in a NOTICE what is in force then, as JSON. */
export function createControlHook(versions: VersionSource): ControlHook {
  return {
    async run(text) {
      const command = text.trim().replace(/;$/, '').toUpperCase()
      if (command !== 'RELOAD') {
        return {
          ok: false,
          error: errorFields({ sqlstate: '42601', message: 'unknown control command', hint: 'There is one: RELOAD.' }),
        }
      }
      const reloaded = await versions.reload()
      if (reloaded.ok) return { ok: true, tag: 'RELOAD', notices: [JSON.stringify(describeVersions(reloaded.value))] }
      return {
        ok: false,
        error: errorFields({
          sqlstate: 'F0000',
          message: 'the rules were not reloaded; the old ones stay in force',
          detail: reloaded.problems.map(formatProblem).join('\n'),
        }),
      }
    },
  }
}
