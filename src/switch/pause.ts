/** Resolves after `ms` milliseconds, or as soon as the signal fires. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer)
      signal.removeEventListener('abort', end)
      resolve()
    }
    const timer = setTimeout(end, ms)
    signal.addEventListener('abort', end)
    if (signal.aborted) end()
  })
}

/** How long traffic flows before the next try, in milliseconds: longer each time, and never in step with the app. */
export function backoffMs(tries: number): number {
  return Math.min(1000, 50 * 2 ** (tries - 1)) * (0.5 + Math.random() / 2)
}
