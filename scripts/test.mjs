/**
 * `npm test`: sets up what is missing, then runs every runner, fast ones first. At the end it lists the failures, a line each, and the totals
 * as "N passed, N failed". `npm test -- unit cli` runs only those two. Exit status 1 if a runner failed, crashed, or ran no test.
 */
import { prepareForTests } from './setup/prepare.mjs'
import { fail, SetupError } from './setup/say.mjs'
import { closingLine, failureLines, sum } from './test/count.mjs'
import { chosen, runners } from './test/runners.mjs'

try {
  await main(process.argv.slice(2))
} catch (error) {
  fail(error)
}

async function main(asked) {
  const unknown = asked.find(name => !runners.some(runner => runner.name === name))
  if (unknown !== undefined) throw new SetupError(`there is no runner "${unknown}", only ${runners.map(({ name }) => name).join(', ')}`)
  await prepareForTests()
  const results = []
  for (const { name, run } of chosen(asked)) {
    process.stdout.write(`\n── ${name}\n`)
    const startedAtMs = Date.now()
    const counts = await run().catch(error => ({ passed: 0, failed: 1, skipped: 0, why: error.message }))
    results.push({ name, ...counts, seconds: (Date.now() - startedAtMs) / 1000 })
  }
  process.stdout.write(`\n${[...failureLines(results), ...results.map(line)].join('\n')}\n`)
  const all = sum(results)
  process.stdout.write(`${closingLine(all)}\n`)
  process.exitCode = all.failed > 0 ? 1 : 0
}

function line({ name, passed, failed, skipped, why, seconds }) {
  const skippedText = skipped > 0 ? `, ${skipped} skipped` : ''
  return `${name.padEnd(14)}${seconds.toFixed(1).padStart(7)} s   ${passed} passed, ${failed} failed${skippedText}${why === undefined ? '' : `: ${why}`}`
}
