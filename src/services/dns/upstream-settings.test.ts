import { expect, test } from 'vitest'
import { parseUpstream } from './core/forwarding/upstream.ts'
import { parseForwarding } from './core/forwarding/routes.ts'
import { ZoneMap } from './core/forwarding/zone-map.ts'
import { refuseOwnAddress } from './upstream-settings.ts'

const locals = [{ address: '127.0.0.1', port: 53 }, { address: '::1', port: 53 }]
const refuse = (upstream: string, forward: readonly string[] = []) =>
  () => refuseOwnAddress({ upstreams: [parseUpstream(upstream)], forwardings: forward.map(parseForwarding), allowPrivate: new ZoneMap(), authorities: [] }, locals)

test.each(['127.0.0.1', '[0:0:0:0:0:0:0:1]:53', '0.0.0.0:53', '::', '[0::0]'])('%s is rejected as this server itself', upstream => {
  expect(refuse(upstream)).toThrow('this DNS server itself')
  expect(refuse('192.0.2.53', [`lab.example=${upstream}`])).toThrow('this DNS server itself')
})

test.each(['127.0.0.2', '127.0.0.1:5353', '0.0.0.0:5353', '[2001:db8::53]:53'])('%s is accepted as another server', upstream => {
  expect(refuse(upstream)).not.toThrow()
})
