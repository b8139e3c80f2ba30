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
  let ending = false
  const end = (code: number) => {
    // A terminal and tsx both send the signal.
    if (ending) return
    ending = true
    void run().finally(() => process.exit(code))
  }
  process.on('SIGINT', () => end(130)).on('SIGTERM', () => end(143))
  return { add: (step) => steps.push(step), run }
}
