/** The tests that talk to a server, by what they are about. Left out: the deaths of `test/switch/crash` and of a fleet. */
export const groups = {
  switch: { paths: ['test/switch/'], without: ['test/switch/crash/**', 'test/switch/fleet/crash.test.ts'] },
  catalog: { paths: ['test/catalog/', 'test/config/', 'test/resolve/'], without: [] },
  fixtures: { paths: ['test/rewrite/', 'test/oracle/'], without: [] },
  proxy: { paths: ['test/proxy/'], without: [] },
  cli: { paths: ['test/cli/', 'test/bench/', 'test/support/'], without: [] },
  crash: { paths: ['test/switch/crash/', 'test/switch/fleet/crash.test.ts'], without: [] },
} as const satisfies Readonly<Record<string, TestGroup>>

export interface TestGroup {
  /** As Vitest takes them. */
  readonly paths: readonly string[]
  readonly without: readonly string[]
}

export type GroupName = keyof typeof groups

/** What is run unless asked for otherwise. */
export const usualGroups: readonly GroupName[] = ['switch', 'catalog', 'fixtures', 'proxy', 'cli']

export function isGroup(name: string): name is GroupName {
  return Object.hasOwn(groups, name)
}
