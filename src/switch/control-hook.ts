import { formatProblem } from '../config/problem.js'
import { errorFields } from '../proxy/client-error.js'
import type { ControlHook } from '../proxy/contracts.js'
import { describeVersions, type VersionSource } from './version-source.js'

/**
 * Answers control sessions with a NOTICE that says as JSON what is in force: STATUS as it is, RELOAD after the rule files
 * were read again.
 */
export function createControlHook(versions: VersionSource): ControlHook {
  return {
    async run(text) {
      const command = text.trim().replace(/;$/, '').toUpperCase()
      if (command === 'STATUS') {
        const { generation } = versions.current()
        return { ok: true, tag: 'STATUS', notices: [print({ generation, armed: versions.armed })] }
      }
      if (command !== 'RELOAD') {
        return {
          ok: false,
          error: errorFields({
            sqlstate: '42601',
            message: 'unknown control command',
            hint: 'There are STATUS and RELOAD.',
          }),
        }
      }
      const reloaded = await versions.reload()
      if (reloaded.ok) return { ok: true, tag: 'RELOAD', notices: [print(reloaded.value)] }
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

function print(versions: Parameters<typeof describeVersions>[0]): string {
  return JSON.stringify(describeVersions(versions))
}
