import { expect, test } from 'vitest'
import { bindError } from './bind-error.ts'

test.each([
  ['EADDRNOTAVAIL', 'address-not-local', 'is not an address of this machine'],
  ['EACCES', 'port-not-permitted', 'needs privileges'],
  ['EMFILE', 'refused', 'no more open files'],
  ['ENFILE', 'refused', 'no more open files'],
  ['EIO', 'internal', 'EIO'],
])('%s is told as %s', (errno, code, why) => {
  const { parts } = bindError(Object.assign(new Error(errno), { code: errno }), 'tcp', { address: '192.0.2.1', port: 80 })
  expect(parts).toMatchObject({ code, why: expect.stringContaining(why), proof: `${errno} at bind 192.0.2.1:80` })
})

test.each([[80, 53], [67, 53], [53, 53], [25, 25]])('who may not open port %i is told to allow those from %i on, which undoes no earlier advice', (port, from) => {
  const { parts } = bindError(Object.assign(new Error('EACCES'), { code: 'EACCES' }), 'tcp', { address: '192.0.2.1', port })
  expect(parts.remedy).toMatch(new RegExp(`ip_unprivileged_port_start=${from}$`))
})
