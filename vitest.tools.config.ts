import { defineConfig } from 'vitest/config'

/** `npm run test:tools`: migration tools of other languages, which are installed first. The gate does without them. */
export default defineConfig({
  test: {
    include: ['test/tools/**/*.tools.ts'],
    globalSetup: ['test/support/global-setup.ts', 'test/tools/support/install-tools.ts'],
    env: { HOTSWAP_TOOLS_REPORT: 'on' },
    testTimeout: 180_000,
    hookTimeout: 60_000,
    maxWorkers: 1,
  },
})
