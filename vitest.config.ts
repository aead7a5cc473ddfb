/** The test runner: one project per kind of test. scripts/test.mjs runs them all. */
import { defineConfig } from 'vitest/config'

/** How long `expect.poll` waits. Generous, for busy machines: what is expected usually happens at once. */
const expect = { poll: { timeout: 15_000 } }

export default defineConfig({
  test: {
    globalSetup: 'test/support/temporary-folder.ts',
    // By default Vitest leaves one processor idle, which is half of two; and most tests of sockets and programs wait rather than compute.
    maxWorkers: '100%',
    projects: [
      { test: { name: 'unit', include: ['src/**/*.test.ts', 'src/**/*.test.tsx'], exclude: ['src/**/*.socket.test.ts'], testTimeout: 60_000 } },
      { test: { name: 'repository', include: ['test/repository/**/*.test.ts'], testTimeout: 120_000, hookTimeout: 60_000 } },
      { test: { name: 'sockets', include: ['src/**/*.socket.test.ts'], testTimeout: 20_000, hookTimeout: 60_000, expect } },
      { test: { name: 'cli', include: ['test/cli/**/*.test.ts'], testTimeout: 60_000, hookTimeout: 60_000, expect } },
      { test: { name: 'interop', include: ['test/interop/**/*.test.ts'], testTimeout: 120_000, hookTimeout: 60_000, expect } },
      // Load, kills and failing disks, which take minutes rather than seconds.
      { test: { name: 'fault', include: ['test/fault/**/*.test.ts'], testTimeout: 600_000, hookTimeout: 60_000, expect } },
      { test: { name: 'e2e', include: ['test/e2e/**/*.test.ts'], testTimeout: 180_000, hookTimeout: 60_000, fileParallelism: false, expect } },
    ],
  },
})
