/** Lets one task at a time run, in the order of their coming. */
export interface Exclusive {
  readonly busy: boolean
  /** Runs `task` when all earlier ones have ended; gives what it gives. */
  run<T>(task: () => Promise<T>): Promise<T>
}

export function createExclusive(): Exclusive {
  let running = 0
  let last: Promise<unknown> = Promise.resolve()
  return {
    get busy() {
      return running > 0
    },
    run(task) {
      running++
      const result = last.then(task)
      last = result
        .catch(() => undefined)
        .finally(() => {
          running--
        })
      return result
    },
  }
}
