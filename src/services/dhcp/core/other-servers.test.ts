import { expect, test } from 'vitest'
import { UsageError } from '../../kit/errors.ts'
import { OtherServers } from './other-servers.ts'

const OTHER = { server: '192.0.2.1', interfaceName: 'eth0' }

test('other clients are served once the first search has found no other server', () => {
  const others = new OtherServers(false)
  expect([others.hamletOnly, others.report]).toEqual([true, undefined])
  others.searchedLongEnough()
  expect([others.hamletOnly, others.report]).toEqual([false, undefined])
})

test('other clients are not served once another server answers, however late, and are served again when it is gone', () => {
  const others = new OtherServers(false)
  others.searchedLongEnough()
  others.add(OTHER)
  others.add(OTHER)
  expect([others.hamletOnly, others.report]).toEqual([true, expect.stringContaining('(192.0.2.1 on eth0)')])
  others.replace([OTHER])
  expect(others.hamletOnly).toBe(true)
  others.replace([])
  expect([others.hamletOnly, others.report]).toEqual([false, undefined])
})

test('a failed search leaves the known servers as they are', () => {
  const others = new OtherServers(false)
  others.add(OTHER)
  others.replace(undefined)
  expect(others.hamletOnly).toBe(true)
  const unknown = new OtherServers(false)
  unknown.replace(undefined)
  expect(unknown.hamletOnly).toBe(false)
})

test('only the exact words confirm, and then everyone is served beside the other server', () => {
  const others = new OtherServers(false)
  others.replace([OTHER])
  for (const words of ['', 'yes', 'serve']) expect(() => others.confirm(words)).toThrow(UsageError)
  expect(others.hamletOnly).toBe(true)
  others.confirm(' Serve everyone ')
  expect([others.hamletOnly, others.report]).toEqual([false, 'another DHCP server answers too (192.0.2.1 on eth0)'])
})

test('a confirmation in the settings holds from the start', () => {
  expect(new OtherServers(true).hamletOnly).toBe(false)
})

test('servers on an interface that is no longer served are forgotten; the confirmation is not', () => {
  const others = new OtherServers(false)
  others.replace([OTHER, { server: '198.51.100.1', interfaceName: 'eth1' }])
  others.confirm('serve everyone')
  others.beginOn(['eth1', 'eth2'])
  expect([others.hamletOnly, others.report]).toEqual([false, 'another DHCP server answers too (198.51.100.1 on eth1)'])
  others.beginOn([])
  expect([others.hamletOnly, others.report]).toEqual([false, undefined])
})

test('a new interface is searched before other clients are served', () => {
  const others = new OtherServers(false)
  others.searchedLongEnough()
  others.beginOn(['eth0'])
  expect(others.hamletOnly).toBe(true)
})
