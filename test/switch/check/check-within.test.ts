import { expect, test } from 'vitest'
import type { RewriteRequest, Rewriter } from '../../../src/rewrite/outcome.js'
import { type CheckWithin, checkGroup } from '../../../src/switch/check/check-within.js'
import type { CheckedStatement } from '../../../src/switch/check/checked-statement.js'

test('what is found while a path is expected that turns out to be another one does not count', async () => {
  const asked: string[] = []
  const rewriter = {
    rewrite({ path }: RewriteRequest) {
      asked.push(path.join())
      return path.includes('app')
        ? { kind: 'unchanged' }
        : { kind: 'refused', refusal: { sqlstate: '42P01', message: 'relation "t" does not exist' } }
    },
  } as unknown as Rewriter
  const check = {
    session: { user: 'u', query: async () => ({ ok: true, rows: [], tag: '' }), describe: async () => [] },
    query: async (sql: string) => (sql.includes('current_schemas') ? [['["app","public"]', 'app, public', 'u']] : []),
    planned: { number: 1, versions: [{ name: 'v1' }], steps: [] },
    rewriter,
    findings: { problems: ['of another group'], unchecked: [], strangers: new Set() },
    planAll: false,
    left: () => 1000,
  } as unknown as CheckWithin
  const statement = {
    version: 'v1',
    text: 'SELECT 1 FROM t',
    recorded: true,
    before: { kind: 'rewritten' },
    parameterOids: [],
    searchPath: 'app, public',
    read: { request: { path: ['public'] } },
  } as unknown as CheckedStatement
  await checkGroup(check, [statement])
  expect(asked).toEqual(['public', 'app,public'])
  expect(check.findings.problems).toEqual(['of another group'])
})
