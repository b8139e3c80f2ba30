import { watch } from 'node:fs'

/** Calls `changed` when files of a folder have changed, once for changes that come together. */
export function watchRules(directory: string, changed: () => void): { close(): void } {
  let timer: NodeJS.Timeout | undefined
  const watcher = watch(directory, () => {
    clearTimeout(timer)
    // Editors write a file in several steps; half of it is not a rule.
    timer = setTimeout(changed, 100)
  })
  return {
    close() {
      clearTimeout(timer)
      watcher.close()
    },
  }
}
