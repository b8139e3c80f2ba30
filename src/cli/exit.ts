import { formatProblem, type Problem } from '../config/problem.js'
import type { StartFailure } from './start-failure.js'

/** 0: done; 1: the answer is no; 2: what was asked for makes no sense. */
export type ExitCode = 0 | 1 | 2

/** Ends a command with an error on stderr, and as JSON on stdout where facts are wanted so. */
export function printFailure({ message, details, exitCode }: StartFailure, json: boolean): ExitCode {
  process.stderr.write(`error: ${message}\n${details.map((line) => `  ${line}\n`).join('')}`)
  if (json) printJson({ ok: false, error: message, details })
  return exitCode
}

export function printProblems(problems: readonly Problem[], json: boolean): ExitCode {
  process.stderr.write(problems.map((problem) => `error: ${formatProblem(problem)}\n`).join(''))
  if (json) printJson({ ok: false, problems })
  return 2
}

export function printJson(facts: unknown): void {
  process.stdout.write(`${JSON.stringify(facts)}\n`)
}

export function printLine(line: string): void {
  process.stdout.write(`${line}\n`)
}
