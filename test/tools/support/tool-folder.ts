import { inject, type TestContext } from 'vitest'
import type { ToolName } from './install-tools.js'

/** The folder that a tool was installed into; the test is skipped where it could not be. */
export function toolFolder(name: ToolName, { skip }: Pick<TestContext, 'skip'>): string {
  const installed = inject('tools')[name]
  return 'folder' in installed ? installed.folder : skip(installed.skipped)
}
