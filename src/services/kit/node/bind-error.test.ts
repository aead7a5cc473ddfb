import { expect, test } from 'vitest'
import { bindError } from './bind-error.ts'

test.each([
  ['EADDRNOTAVAIL', 'address-not-local', 'is not an address of this machine'],
  ['EACCES', 'port-not-permitted', 'needs privileges'],
  ['EMFILE', 'refused', 'limit on open files'],
  ['ENFILE', 'refused', 'limit on open files'],
  ['EIO', 'internal', 'EIO'],
])('%s becomes %s', (errno, code, why) => {
  const { parts } = bindError(Object.assign(new Error(errno), { code: errno }), 'tcp', { address: '192.0.2.1', port: 80 })
  expect(parts).toMatchObject({ code, why: expect.stringContaining(why), proof: `${errno} at bind 192.0.2.1:80` })
})

test.each([[80, 53], [67, 53], [53, 53], [25, 25]])('for port %i, the remedy is to permit ports from %i on, which keeps those permitted earlier', (port, from) => {
  const { parts } = bindError(Object.assign(new Error('EACCES'), { code: 'EACCES' }), 'tcp', { address: '192.0.2.1', port })
  expect(parts.remedy).toMatch(new RegExp(`ip_unprivileged_port_start=${from}$`))
})
