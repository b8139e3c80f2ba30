#!/usr/bin/env node
import { CommanderError } from 'commander'
import { createProgram } from './program.js'

const program = createProgram((code) => {
  process.exitCode = code
})
try {
  await program.parseAsync()
} catch (error) {
  if (!(error instanceof CommanderError)) throw error
  // Commander has printed it; asking for help or the version is no error.
  process.exitCode = error.exitCode === 0 ? 0 : 2
}
