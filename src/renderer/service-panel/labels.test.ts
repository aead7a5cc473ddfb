import { expect, test } from 'vitest'
import { labelOf } from './labels.ts'

test('a flag name is shown as words, with acronyms in capitals', () => {
  expect(['host', 'tcp_port', 'dns', 'dns_admin_port', 'took'].map(labelOf)).toEqual(['Host', 'TCP port', 'DNS', 'DNS admin port', 'Took'])
})
