#!/usr/bin/env node
/**
 * `npx hamlet` in a checkout: runs the bundled command line in this process, so exit status and signals are its own. Builds the
 * bundle first if it is missing or out of date.
 */
const path = require('node:path')

async function ensureBundle() {
  const { build, isFresh } = await import('./build.mjs')
  if (isFresh('cli')) return
  const { nodePackagesReady } = await import('./setup/node-packages.mjs')
  if (!nodePackagesReady()) throw new Error('the npm packages are not installed; run "npm run setup" once (or npm start, npm test)')
  process.stderr.write('hamlet: building the command line, because its sources have changed\n')
  await build(['cli'])
}

ensureBundle().then(
  () => require(path.join(__dirname, '..', '.vite', 'build', 'hamlet.cjs')),
  error => {
    process.stderr.write(`hamlet: ${error.message}\n`)
    process.exit(1)
  },
)
