/** Timers by name, of which none keeps the process alive. */
export interface Timers {
  /** Sets a timer; one of the name that is set for the same `what` stays as it is. */
  set(name: string, what: number, ms: number, task: () => void): void
  cancel(name: string): void
  clear(): void
}

export function createTimers(): Timers {
  const timers = new Map<string, { readonly what: number; readonly timer: NodeJS.Timeout }>()
  return {
    set(name, what, ms, task) {
      const known = timers.get(name)
      if (known?.what === what) return
      clearTimeout(known?.timer)
      const fire = () => {
        timers.delete(name)
        task()
      }
      timers.set(name, { what, timer: setTimeout(fire, ms).unref() })
    },
    cancel(name) {
      clearTimeout(timers.get(name)?.timer)
      timers.delete(name)
    },
    clear() {
      for (const { timer } of timers.values()) clearTimeout(timer)
    },
  }
}
