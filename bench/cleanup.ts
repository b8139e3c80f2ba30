/** Things to undo at the end of a run, however it ends. */
export interface Cleanup {
  /** Steps run in reverse. */
  add(step: () => Promise<void> | void): void
  run(): Promise<void>
}

/** Ctrl-C and SIGTERM run the steps too, then end the process. */
export function createCleanup(): Cleanup {
  const steps: (() => Promise<void> | void)[] = []
  const run = async () => {
    for (let step = steps.pop(); step !== undefined; step = steps.pop()) {
      try {
        await step()
      } catch (error) {
        process.stderr.write(`${String(error)}\n`)
      }
    }
  }
  for (const [signal, code] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const) {
    process.once(signal, () => run().finally(() => process.exit(code)))
  }
  return { add: (step) => steps.push(step), run }
}
