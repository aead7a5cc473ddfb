import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { root } from '../setup/places.mjs'
import { closingLine, countNodeTest, countStatus, countVitest, failureLines, sum } from './count.mjs'

const folder = mkdtempSync(join(tmpdir(), 'hamlet-count-'))
after(() => rmSync(folder, { recursive: true }))
let made = 0

const well = { status: 0, signal: null }
const badly = { status: 1, signal: null }

/** A report as Vitest writes it, with these counts. */
function report({ passed = 0, failed = 0, pending = 0, todo = 0, files = [] }) {
  const file = join(folder, `report-${made++}.json`)
  writeFileSync(file, JSON.stringify({ numPassedTests: passed, numFailedTests: failed, numPendingTests: pending, numTodoTests: todo, testResults: files }))
  return file
}

test('passed, failed and skipped tests are counted separately', () => {
  assert.deepEqual(countVitest(report({ passed: 7, failed: 2, pending: 1, todo: 1 }), badly), { passed: 7, failed: 2, skipped: 2, failures: [] })
})

test('a test file that could not be loaded counts as one failure', () => {
  const files = [{ status: 'failed', assertionResults: [] }, { status: 'failed', assertionResults: [{ status: 'failed', fullName: 'a', failureMessages: [] }] }]
  assert.equal(countVitest(report({ passed: 3, failed: 1, files }), badly).failed, 2)
})

test('a runner that crashed without a report has failed', () => {
  assert.equal(countVitest('/nonexistent/report.json', { status: null, signal: 'SIGKILL' }).failed, 1)
})

test('a runner whose tests passed but whose status is not 0 has failed, and keeps its passed count', () => {
  const { passed, failed } = countVitest(report({ passed: 5 }), badly)
  assert.deepEqual({ passed, failed }, { passed: 5, failed: 1 })
})

test('a runner that ran nothing, or only skipped tests, has failed', () => {
  assert.equal(countVitest(report({}), well).failed, 1)
  assert.equal(countVitest(report({ pending: 4 }), well).failed, 1)
})

test('the closing lines of Node\'s runner are parsed', () => {
  assert.deepEqual(countNodeTest('# tests 5\n# pass 3\n# fail 1\n# cancelled 1\n# skipped 0\n# todo 0\n', badly), { passed: 3, failed: 2, skipped: 0, failures: [] })
  assert.equal(countNodeTest('', badly).failed, 1)
})

test('each failure gets a line: a test, a file that could not be loaded, a test of Node\'s runner', () => {
  const files = [
    { status: 'failed', name: join(root, 'test/a.test.ts'), assertionResults: [{ status: 'passed' }, { status: 'failed', fullName: 'two is two', failureMessages: ['Error: it is three\n    at x'] }] },
    { status: 'failed', name: join(root, 'test/b.test.ts'), message: 'no such module\n', assertionResults: [] },
  ]
  const vitest = countVitest(report({ passed: 1, failed: 1, files }), badly)
  const node = countNodeTest('ok 1 - this\nnot ok 2 - that\n# pass 1\n# fail 1\n', badly)
  assert.deepEqual(failureLines([{ name: 'cli', ...vitest }, { name: 'lint', ...countStatus(badly) }, { name: 'scripts', ...node }]), [
    'failed: cli › test/a.test.ts › two is two: Error: it is three', 'failed: cli › test/b.test.ts: no such module', 'failed: scripts › that',
  ])
})

test('failures in a folder other than the checkout are named relative to it', () => {
  const files = [{ status: 'failed', name: '/var/tmp/shadow/test/e2e/a.test.ts', message: 'no such module\n', assertionResults: [] }]
  assert.deepEqual(countVitest(report({ passed: 1, files }), badly, '/var/tmp/shadow').failures, ['test/e2e/a.test.ts: no such module'])
})

test('a check without tests is one passed or one failed', () => {
  assert.equal(countStatus(well).passed, 1)
  assert.equal(countStatus({ status: null, signal: 'SIGTERM' }).failed, 1)
})

test('the last line shows the totals, and skipped tests only if there are any', () => {
  assert.equal(closingLine(sum([countStatus(well), { passed: 4, failed: 1, skipped: 0 }])), '5 passed, 1 failed')
  assert.equal(closingLine({ passed: 1, failed: 0, skipped: 2 }), '1 passed, 0 failed, 2 skipped')
})
