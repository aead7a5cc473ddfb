import { expect, test } from 'vitest'
import { UsageError } from '../../kit/errors.ts'
import { OtherServers } from './other-servers.ts'

const OTHER = { server: '192.0.2.1', interfaceName: 'eth0' }

test('strangers wait until it was listened, and are served where nobody else answers', () => {
  const rivals = new OtherServers(false)
  expect([rivals.hamletOnly, rivals.sentence]).toEqual([true, undefined])
  rivals.heardLongEnough()
  expect([rivals.hamletOnly, rivals.sentence]).toEqual([false, undefined])
})

test('where another answers strangers are not served, however late it is heard, and are again when it has gone', () => {
  const rivals = new OtherServers(false)
  rivals.heardLongEnough()
  rivals.add(OTHER)
  rivals.add(OTHER)
  expect([rivals.hamletOnly, rivals.sentence]).toEqual([true, expect.stringContaining('(192.0.2.1 on eth0)')])
  rivals.replace([OTHER])
  expect(rivals.hamletOnly).toBe(true)
  rivals.replace([])
  expect([rivals.hamletOnly, rivals.sentence]).toEqual([false, undefined])
})

test('a look that could not be made changes nothing that is known', () => {
  const rivals = new OtherServers(false)
  rivals.add(OTHER)
  rivals.replace(undefined)
  expect(rivals.hamletOnly).toBe(true)
  const unknown = new OtherServers(false)
  unknown.replace(undefined)
  expect(unknown.hamletOnly).toBe(false)
})

test('only the words that are asked for confirm, and then everybody is served beside the other', () => {
  const rivals = new OtherServers(false)
  rivals.replace([OTHER])
  for (const words of ['', 'yes', 'serve']) expect(() => rivals.confirm(words)).toThrow(UsageError)
  expect(rivals.hamletOnly).toBe(true)
  rivals.confirm(' Serve everyone ')
  expect([rivals.hamletOnly, rivals.sentence]).toEqual([false, 'another DHCP server answers too (192.0.2.1 on eth0)'])
})

test('what is confirmed in the settings holds from the begin', () => {
  expect(new OtherServers(true).hamletOnly).toBe(false)
})

test('who is heard on an interface that is not served any more is forgotten; what was confirmed is not', () => {
  const rivals = new OtherServers(false)
  rivals.replace([OTHER, { server: '198.51.100.1', interfaceName: 'eth1' }])
  rivals.confirm('serve everyone')
  rivals.beginOn(['eth1', 'eth2'])
  expect([rivals.hamletOnly, rivals.sentence]).toEqual([false, 'another DHCP server answers too (198.51.100.1 on eth1)'])
  rivals.beginOn([])
  expect([rivals.hamletOnly, rivals.sentence]).toEqual([false, undefined])
})

test('a new interface is listened to before strangers are served', () => {
  const rivals = new OtherServers(false)
  rivals.heardLongEnough()
  rivals.beginOn(['eth0'])
  expect(rivals.hamletOnly).toBe(true)
})
