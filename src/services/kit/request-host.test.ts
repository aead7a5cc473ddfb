import { expect, test } from 'vitest'
import { hasValidHost } from './request-host.ts'

test.each([
  { hosts: [], version: '1.0', ok: true },
  { hosts: [], version: '1.1', ok: false },
  { hosts: ['my-app.home'], version: '1.1', ok: true },
  { hosts: ['my-app.home:8080'], version: '1.1', ok: true },
  { hosts: ['[::1]:80'], version: '1.1', ok: true },
  { hosts: [''], version: '1.1', ok: true },
  { hosts: ['a.example.org', 'b.example.org'], version: '1.1', ok: false },
  { hosts: ['a.example.org', 'a.example.org'], version: '1.0', ok: false },
  { hosts: ['a.example.org, b.example.org'], version: '1.1', ok: false },
  { hosts: ['user@example.org'], version: '1.1', ok: false },
  { hosts: ['example.org/x'], version: '1.1', ok: false },
])('HTTP/$version with the hosts $hosts is valid: $ok', ({ hosts, version, ok }) => {
  expect(hasValidHost(version, ['Accept', 'host', ...hosts.flatMap(host => ['HOST', host])])).toBe(ok)
})
