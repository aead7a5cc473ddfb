import { expect, test } from 'vitest'
import { parseArpTable } from './arp-table.ts'

test('complete entries are read, incomplete ones are not', () => {
  const table = parseArpTable([
    'IP address       HW type     Flags       HW address            Mask     Device',
    '192.0.2.7        0x1         0x2         02:00:5e:00:00:07     *        eth0',
    '192.0.2.8        0x1         0x0         00:00:00:00:00:00     *        eth0',
    '192.0.2.9        0x1         0x6         02:00:5e:00:00:09     *        eth0', '',
  ].join('\n'))
  expect([...table]).toEqual([['192.0.2.7', '02:00:5e:00:00:07'], ['192.0.2.9', '02:00:5e:00:00:09']])
})

test('text that is not a table has no entries', () => {
  expect(parseArpTable('').size).toBe(0)
  expect(parseArpTable('\n\nx\n').size).toBe(0)
})
