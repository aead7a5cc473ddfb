import { expect, test } from 'vitest'
import { parseUpstream } from './upstream.ts'

test.each([
  ['192.0.2.53', { transport: 'udp', endpoint: { address: '192.0.2.53', port: 53 }, trusted: false, title: '192.0.2.53:53' }],
  ['127.0.0.1:5300', { transport: 'udp', endpoint: { address: '127.0.0.1', port: 5300 }, trusted: true, title: '127.0.0.1:5300' }],
  ['2001:db8::53', { transport: 'udp', endpoint: { address: '2001:db8::53', port: 53 }, title: '[2001:db8::53]:53' }],
  ['tls://192.0.2.53', { transport: 'tls', endpoint: { address: '192.0.2.53', port: 853 }, serverName: '192.0.2.53', trusted: true, title: 'tls://192.0.2.53:853' }],
  ['tls://[2001:db8::53]:8853#dns.example.org', { transport: 'tls', endpoint: { address: '2001:db8::53', port: 8853 }, serverName: 'dns.example.org' }],
  ['https://192.0.2.53#dns.example.org', { transport: 'https', endpoint: { address: '192.0.2.53', port: 443 }, path: '/dns-query', serverName: 'dns.example.org', title: 'https://192.0.2.53:443/dns-query' }],
  ['https://192.0.2.53:8443/q?x=1', { transport: 'https', endpoint: { address: '192.0.2.53', port: 8443 }, path: '/q?x=1', serverName: '192.0.2.53' }],
])('%s is parsed', (text, upstream) => {
  expect(parseUpstream(text)).toMatchObject(upstream)
})

test.each(['', 'dns.example.org', 'tls://dns.example.org', 'tls://192.0.2.53/path', 'https://192.0.2.53#', 'quic://192.0.2.53', '192.0.2.53:70000', 'https://192.0.2.53/a b'])('"%s" is refused', text => {
  expect(() => parseUpstream(text)).toThrow(expect.objectContaining({ code: 'usage' }))
})
