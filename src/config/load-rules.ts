import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Parser } from '../sql/parse.js'
import type { Checked, Problem } from './problem.js'
import { checkExpression, checkType, type ExpressionScope } from './rule-expression.js'
import { type Placed, parseRuleFile, type RuleFile, type TableRule } from './rule-file.js'

/** Reads every `.yaml` and `.yml` file of a folder, in the order of their names. Gives the problems of all of them. */
export async function loadRules(directory: string, parser: Parser): Promise<Checked<readonly RuleFile[]>> {
  let names: string[]
  try {
    names = await readdir(directory)
  } catch (error) {
    return { ok: false, problems: [fileProblem(directory, 'the rules folder', error)] }
  }
  const files = names.filter((name) => /\.ya?ml$/.test(name)).sort()
  const rules: RuleFile[] = []
  const problems: Problem[] = []
  for (const name of files) {
    const checked = await loadRuleFile(join(directory, name), parser)
    if (checked.ok) rules.push(checked.value)
    else problems.push(...checked.problems)
  }
  const seen = new Map<string, string>()
  for (const rule of rules) {
    const other = seen.get(rule.version)
    if (other !== undefined || rule.version === firstVersion) {
      const reason =
        other === undefined ? 'is the name of the version before the first rule file' : `is also the name of ${other}`
      problems.push({
        place: { file: rule.file, line: 1, column: 1 },
        message: `"${rule.version}" ${reason}; rename this file`,
      })
    }
    seen.set(rule.version, rule.file)
  }
  return problems.length > 0 ? { ok: false, problems } : { ok: true, value: rules }
}

/** The name of the version before the first rule file. */
export const firstVersion = 'initial'

export async function loadRuleFile(path: string, parser: Parser): Promise<Checked<RuleFile>> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (error) {
    return { ok: false, problems: [fileProblem(path, 'the rule file', error)] }
  }
  return readRuleFile(path, text, parser)
}

/** Reads the text of a rule file and checks its SQL expressions. */
export function readRuleFile(path: string, text: string, parser: Parser): Checked<RuleFile> {
  const checked = parseRuleFile(path, text)
  if (!checked.ok) return checked
  const problems = checked.value.tables.flatMap(expressionsOf).flatMap(({ expression, scope }): Problem[] => {
    const message = checkExpression(expression.value, scope, parser)
    return message === undefined ? [] : [{ place: expression.place, message }]
  })
  for (const { columns } of checked.value.tables) {
    for (const { computed } of columns) {
      const message = computed?.type === undefined ? undefined : checkType(computed.type.value, parser)
      if (computed?.type !== undefined && message !== undefined) problems.push({ place: computed.type.place, message })
    }
  }
  return problems.length > 0 ? { ok: false, problems } : checked
}

interface ScopedExpression {
  readonly expression: Placed<string>
  readonly scope: ExpressionScope
}

function expressionsOf({ insert, merged, columns }: TableRule): ScopedExpression[] {
  return [
    ...insert.map(({ expression }): ScopedExpression => ({ expression, scope: 'nothing' })),
    ...merged.map(({ expression }): ScopedExpression => ({ expression, scope: 'row' })),
    ...columns.flatMap(({ computed, default: expression }): ScopedExpression[] => [
      ...(expression === undefined ? [] : [{ expression, scope: 'nothing' as const }]),
      ...(computed?.read === undefined ? [] : [{ expression: computed.read, scope: 'row' as const }]),
      ...(computed?.writes ?? []).map(({ expression }) => ({ expression, scope: 'value' as const })),
    ]),
  ]
}

/** A file that cannot be read, as a problem of its own place. Anything but a system error is thrown on. */
export function fileProblem(file: string, what: string, error: unknown): Problem {
  const code = (error as NodeJS.ErrnoException).code
  if (code === undefined) throw error
  const reason = code === 'ENOENT' ? 'does not exist' : `cannot be read (${code})`
  return { place: { file, line: 1, column: 1 }, message: `${what} ${reason}` }
}
