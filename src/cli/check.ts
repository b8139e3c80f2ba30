import type { Command } from 'commander'
import { loadRuleFile } from '../config/load-rules.js'
import type { Problem } from '../config/problem.js'
import { loadParser } from '../sql/parse.js'
import { type ExitCode, printJson, printLine, printProblems } from './exit.js'

export function addCheck(program: Command, end: (code: ExitCode) => void): void {
  program
    .command('check')
    .description('check rule files, without a database')
    .argument('<files...>', 'rule files')
    .option('--json', 'print the problems as JSON')
    .addHelpText(
      'after',
      `
Example:
  $ pg-hotswap check rules/*.yaml

Exit code 0: the files are well-formed. 1: they are not. Whether they fit a database, serve and reload say.`,
    )
    .action(async (files: string[], options: { json?: true }) => end(await check(files, options.json ?? false)))
}

async function check(files: readonly string[], json: boolean): Promise<ExitCode> {
  const parser = await loadParser()
  const problems: Problem[] = []
  for (const file of files) {
    const checked = await loadRuleFile(file, parser)
    if (!checked.ok) problems.push(...checked.problems)
  }
  if (problems.length > 0) {
    printProblems(problems, json)
    return 1
  }
  if (json) printJson({ ok: true, files })
  else printLine(`${files.length === 1 ? '1 file is' : `${files.length} files are`} well-formed`)
  return 0
}
