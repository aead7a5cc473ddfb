import { expect, test } from 'vitest'
import { Log, printable, type LogLine } from './log.ts'

const heard = (log: Log) => {
  let lines: LogLine[] = []
  const end = log.listen({ appended: line => { lines.push(line) }, replaced: all => { lines = [...all] } })
  return { texts: () => lines.map(line => line.text), end }
}

test('a listener gets the existing lines, then each new one until it stops listening', () => {
  const log = new Log()
  log.append({ to: 'contract', text: 'first' })
  const listener = heard(log)
  log.append({ to: 'log', text: 'second' })
  listener.end()
  log.append({ to: 'log', text: 'third' })
  expect(listener.texts()).toEqual(['first', 'second'])
})

test('a snapshot replaces earlier lines', () => {
  const log = new Log()
  const listener = heard(log)
  log.append({ to: 'log', text: 'early' })
  log.replace([{ to: 'log', text: 'early' }, { to: 'log', text: 'late' }])
  expect(listener.texts()).toEqual(['early', 'late'])
})

test('the log is bounded and keeps the newest lines', () => {
  const log = new Log()
  for (let number = 0; number < 5000; number++) log.append({ to: 'log', text: `${number}` })
  const texts = heard(log).texts()
  expect(texts).toHaveLength(500)
  expect(texts[499]).toBe('4999')
})

test('text from the network cannot control the terminal', () => {
  expect(printable({ to: 'log', text: 'asked for \u001b[2J\u009b31mexample.org\r\n' }).text).toBe('asked for �[2J�31mexample.org��')
  expect(printable({ to: 'log', text: 'x'.repeat(5000) }).text).toHaveLength(2000)
})
