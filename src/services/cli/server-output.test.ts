import { Writable } from 'node:stream'
import { expect, test } from 'vitest'
import { serverOutput } from './server-output.ts'

/** A reader that reads only when `readAll` is called. */
function slowReader() {
  let text = ''
  let taken: (() => void) | undefined
  const reader = new Writable({
    decodeStrings: false,
    write(chunk: string, _encoding, done) {
      text += chunk
      taken = done
    },
  })
  const readAll = () => {
    while (taken !== undefined) {
      const next = taken
      taken = undefined
      next()
    }
    return text
  }
  return { reader, readAll }
}

const line = (number: number) => `line ${number} ${'.'.repeat(1000)}\n`

test('lines arrive as they are written', () => {
  const { reader, readAll } = slowReader()
  const output = serverOutput(reader, lines => `${lines} left out\n`)
  for (let number = 0; number < 3; number++) output.write(line(number))
  expect(readAll()).toBe(line(0) + line(1) + line(2))
})

test('for a stalled reader at most a megabyte is buffered, and the gap is reported once it has caught up', () => {
  const { reader, readAll } = slowReader()
  const output = serverOutput(reader, lines => `${lines} left out\n`)
  for (let number = 0; number < 5000; number++) output.write(line(number))
  expect(reader.writableLength).toBeLessThan(1.01 * 1024 * 1024)
  const kept = readAll().split('\n').length - 1
  output.write('after\n')
  output.write('and on\n')
  expect(readAll().split('\n').slice(kept)).toEqual([`${5000 - kept} left out`, 'after', 'and on', ''])
})
