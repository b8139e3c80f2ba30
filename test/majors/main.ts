import { resolve } from 'node:path'
import { type CheckoutWithServer, checkoutWithServer } from './checkout-with-server.js'
import { groups, isGroup, type TestGroup, usualGroups } from './groups.js'
import { type GroupResult, runGroup } from './run-group.js'

/** The older ones that are supported; `npm test` runs on the newest. */
const MAJORS = [17, 16, 15, 14]

/** `npm run test:majors -- 17 switch test/cli/`: majors, groups and paths, all (but for `crash`) where none is named. */
async function main(words: readonly string[]): Promise<void> {
  const isMajor = (word: string) => /^1\d$/.test(word)
  const named = words.filter((word) => !isMajor(word)).map(groupOf)
  const majors = words.filter(isMajor).map(Number)
  const wanted = named.length === 0 ? usualGroups.map(groupOf) : named
  const rows: string[] = []
  for (const major of majors.length === 0 ? MAJORS : majors) rows.push(...(await onMajor(major, wanted)))
  console.log(['', '| PostgreSQL | tests | passed | failed | skipped |', '|---|---|---|---|---|', ...rows].join('\n'))
}

interface NamedGroup {
  readonly name: string
  readonly tests: TestGroup
}

function groupOf(name: string): NamedGroup {
  if (isGroup(name)) return { name, tests: groups[name] }
  if (name.includes('/')) return { name, tests: { paths: [name], without: [] } }
  throw new Error(`neither a major, nor one of ${Object.keys(groups).join(', ')}, nor a path: ${name}`)
}

async function onMajor(major: number, wanted: readonly NamedGroup[]): Promise<readonly string[]> {
  let checkout: CheckoutWithServer
  try {
    checkout = await checkoutWithServer(resolve(import.meta.dirname, '../..'), major)
  } catch (error) {
    process.exitCode = 1
    console.log(`PostgreSQL ${major} could not be installed: ${error instanceof Error ? error.message : error}`)
    return [`| ${major} | not run: it could not be installed | | | |`]
  }
  try {
    const rows: string[] = []
    for (const { name, tests } of wanted) {
      const result = await runGroup(checkout.folder, tests)
      tell(checkout.version, name, result)
      if (result.failed.length > 0) process.exitCode = 1
      rows.push(
        `| ${checkout.version} | ${name} | ${result.passed} | ${result.failed.length} | ${result.skipped.length} |`,
      )
    }
    return rows
  } finally {
    await checkout.remove()
  }
}

function tell(version: string, name: string, { passed, failed, skipped, told }: GroupResult): void {
  console.log(`PostgreSQL ${version}, ${name}: ${passed} passed, ${failed.length} failed, ${skipped.length} skipped`)
  for (const test of skipped) console.log(`  skipped: ${test}`)
  for (const test of failed) console.log(`  failed: ${test}`)
  if (failed.length > 0) console.log(told)
}

await main(process.argv.slice(2))
