import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import type { TestGroup } from './groups.js'

/** What became of the tests of one group on one server. */
export interface GroupResult {
  readonly passed: number
  readonly skipped: readonly string[]
  /** Names of tests, and of files that did not come to their tests. */
  readonly failed: readonly string[]
  /** What Vitest prints of the failures. */
  readonly told: string
}

/** The part of Vitest's JSON report that is read here. */
interface Report {
  readonly testResults: readonly {
    readonly name: string
    readonly status: string
    readonly assertionResults: readonly {
      readonly status: string
      readonly fullName: string
    }[]
  }[]
}

export async function runGroup(folder: string, group: TestGroup): Promise<GroupResult> {
  const output = join(folder, 'report.json')
  await rm(output, { force: true })
  const flags = [
    '--reporter=json',
    `--outputFile=${output}`,
    '--reporter=dot',
    ...group.without.map((path) => `--exclude=${path}`),
  ]
  const vitest = join(folder, 'node_modules/vitest/vitest.mjs')
  const environment: NodeJS.ProcessEnv = { ...process.env, NODE_NO_WARNINGS: '1', NO_COLOR: '1' }
  // Another server than the one that was asked for.
  delete environment.HOTSWAP_TEST_SERVER
  const child = spawn(process.execPath, [vitest, 'run', ...flags, ...group.paths], {
    cwd: folder,
    env: environment,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const told = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')])
  const report = await readFile(output, 'utf8').catch((error: Error) => {
    throw new Error(`Vitest did not come to its report: ${told[0]}${told[1]}`, { cause: error })
  })
  return { ...readReport(folder, JSON.parse(report) as Report), told: told[1] }
}

function readReport(folder: string, report: Report): Omit<GroupResult, 'told'> {
  const skipped: string[] = []
  const failed: string[] = []
  let passed = 0
  for (const file of report.testResults) {
    const path = file.name.replace(`${folder}/`, '')
    // A hook that failed leaves the file's tests skipped.
    if (file.status === 'failed' && !file.assertionResults.some(({ status }) => status === 'failed')) {
      failed.push(path)
    }
    for (const { status, fullName } of file.assertionResults) {
      const name = `${path}: ${fullName}`
      if (status === 'passed') passed += 1
      else if (status === 'failed') failed.push(name)
      else skipped.push(name)
    }
  }
  return { passed, skipped, failed }
}
