import { expect, test } from 'vitest'
import { UsageError } from '../../kit/errors.ts'
import { Rivals } from './rivals.ts'

const OTHER = { server: '192.0.2.1', interfaceName: 'eth0' }

test('strangers wait until it was listened, and are served where nobody else answers', () => {
  const rivals = new Rivals(false)
  expect([rivals.hamletOnly, rivals.sentence]).toEqual([true, undefined])
  rivals.begin()
  expect([rivals.hamletOnly, rivals.sentence]).toEqual([false, undefined])
})

test('where another answers strangers are not served, however late it is heard, and are again when it has gone', () => {
  const rivals = new Rivals(false)
  rivals.begin()
  rivals.add(OTHER)
  rivals.add(OTHER)
  expect([rivals.hamletOnly, rivals.sentence]).toEqual([true, expect.stringContaining('(192.0.2.1 on eth0)')])
  rivals.replace([OTHER])
  expect(rivals.hamletOnly).toBe(true)
  rivals.replace([])
  expect([rivals.hamletOnly, rivals.sentence]).toEqual([false, undefined])
})

test('a look that could not be made changes nothing that is known', () => {
  const rivals = new Rivals(false)
  rivals.add(OTHER)
  rivals.replace(undefined)
  expect(rivals.hamletOnly).toBe(true)
  const unknown = new Rivals(false)
  unknown.replace(undefined)
  expect(unknown.hamletOnly).toBe(false)
})

test('only the words that are asked for confirm, and then everybody is served beside the other', () => {
  const rivals = new Rivals(false)
  rivals.replace([OTHER])
  for (const words of ['', 'yes', 'serve']) expect(() => rivals.confirm(words)).toThrow(UsageError)
  expect(rivals.hamletOnly).toBe(true)
  rivals.confirm(' Serve everyone ')
  expect([rivals.hamletOnly, rivals.sentence]).toEqual([false, 'another DHCP server answers too (192.0.2.1 on eth0)'])
})

test('what is confirmed in the settings holds from the begin', () => {
  expect(new Rivals(true).hamletOnly).toBe(false)
})
