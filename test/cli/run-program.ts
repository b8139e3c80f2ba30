import type { Command } from 'commander'
import { vi } from 'vitest'
import { createProgram } from '../../src/cli/program.js'

/** Runs a command in this process; gives its exit code (or commander's error code) and what it printed. */
export async function runProgram(...args: string[]): Promise<{ code: number | string; out: string; err: string }> {
  let code: number | string = 'none'
  let out = ''
  let err = ''
  const program = createProgram((given) => {
    code = given
  })
  const toOut = (text: unknown) => {
    out += String(text)
    return true
  }
  const toErr = (text: unknown) => {
    err += String(text)
    return true
  }
  const capture = (command: Command) => {
    command.configureOutput({ writeOut: toOut, writeErr: toErr })
    for (const child of command.commands) capture(child)
  }
  capture(program)
  const stdout = vi.spyOn(process.stdout, 'write').mockImplementation(toOut)
  const stderr = vi.spyOn(process.stderr, 'write').mockImplementation(toErr)
  try {
    await program.parseAsync(args, { from: 'user' })
  } catch (error) {
    code = (error as { code: string }).code
  } finally {
    stdout.mockRestore()
    stderr.mockRestore()
  }
  return { code, out, err }
}
