/** Turns a runner's results into counts. Anything not clearly passed counts as failed, and so does a runner that ran no test. */
import { existsSync } from 'node:fs'
import { relative } from 'node:path'
import { readJson, root } from '../setup/places.mjs'

/** @typedef {{ passed: number, failed: number, skipped: number, why?: string, failures?: readonly string[] }} Counts `failures`: one line per failure */

/** A runner that has only an exit status, such as lint, counts as one test. */
export const countStatus = ({ status, signal }) => status === 0
  ? { passed: 1, failed: 0, skipped: 0 }
  : { passed: 0, failed: 1, skipped: 0, why: signal === null ? `exited with status ${status}` : `killed by ${signal}` }

/** Counts Vitest's JSON report. @param folder the tested checkout; files are named relative to it */
export function countVitest(file, ended, folder = root) {
  if (!existsSync(file)) return crashed('left no report', ended)
  const report = readJson(file)
  // A file that could not be loaded has no tests; it counts as one failure.
  const isUnloaded = ({ status, assertionResults }) => status === 'failed' && !assertionResults.some(test => test.status === 'failed')
  const unloaded = report.testResults.filter(isUnloaded).length
  const counts = { passed: report.numPassedTests, failed: report.numFailedTests + unloaded, skipped: report.numPendingTests + report.numTodoTests }
  return honest({ ...counts, failures: report.testResults.filter(({ status }) => status === 'failed').flatMap(tested => failuresOf(tested, folder)) }, ended)
}

function failuresOf({ name = '', message = '', assertionResults }, folder) {
  const file = relative(folder, name)
  const failed = assertionResults.filter(({ status }) => status === 'failed')
  if (failed.length === 0) return [`${file}: ${firstLine(message)}`]
  return failed.map(({ fullName, failureMessages }) => `${file} › ${fullName}: ${firstLine(failureMessages[0] ?? '')}`)
}

const firstLine = text => text.split('\n', 1)[0] ?? ''

/** Counts the closing lines of Node's own test runner ("# pass 12"), as its TAP reporter writes them. */
export function countNodeTest(text, ended) {
  const number = name => Number(text.match(new RegExp(`^# ${name} (\\d+)$`, 'm'))?.[1] ?? 0)
  const failures = [...text.matchAll(/^ *not ok \d+ - (.*)$/gm)].map(([, name]) => name)
  return honest({ passed: number('pass'), failed: number('fail') + number('cancelled'), skipped: number('skipped') + number('todo'), failures }, ended)
}

function honest(counts, ended) {
  if (ended.status !== 0 && counts.failed === 0) return { ...counts, ...crashed('failed outside its tests', ended), passed: counts.passed }
  if (counts.passed + counts.failed === 0) return { ...counts, failed: 1, why: 'ran no test' }
  return counts
}

function crashed(what, { status, signal }) {
  return { passed: 0, failed: 1, skipped: 0, why: `${what} (${signal === null ? `status ${status}` : signal})` }
}

export function sum(results) {
  const all = name => results.reduce((total, counts) => total + counts[name], 0)
  return { passed: all('passed'), failed: all('failed'), skipped: all('skipped') }
}

/** One line per failure, so that the end of a long log lists them all. */
export const failureLines = results => results.flatMap(({ name, failures = [] }) => failures.map(failure => `failed: ${name} › ${failure}`))

/** The last line of `npm test`. */
export const closingLine = ({ passed, failed, skipped }) => `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`
