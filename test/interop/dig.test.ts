import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { emptyFolder, RunningHamlet } from '../support/hamlet.ts'
import { createNetwork, run, startPeer, type Network } from '../support/namespaces.ts'

let network: Network
let host: string
let dns: RunningHamlet
let upstream: { stop(): Promise<void> }

const dig = (...args: string[]) => run(host, 'dig', '@127.0.0.1', '+tries=1', '+time=5', ...args)

beforeAll(async () => {
  network = createNetwork({ host: '10.77.0.1/24' })
  host = network.namespaces['host'] ?? ''
  const folder = mkdtempSync(join(tmpdir(), 'unbound-'))
  const config = join(folder, 'unbound.conf')
  writeFileSync(config, [
    'server:', 'interface: 127.0.0.1@5300', 'do-daemonize: no', 'username: ""', 'chroot: ""', `directory: "${folder}"`, 'use-syslog: no', 'logfile: ""',
    'verbosity: 1', 'local-zone: "example.org." static', 'local-data: "www.example.org. 300 IN A 192.0.2.80"',
    'local-data: "www.example.org. 300 IN AAAA 2001:db8::80"', 'local-data: "example.org. 300 IN SOA ns.example.org. host.example.org. 1 3600 600 86400 300"', '',
  ].join('\n'))
  upstream = await startPeer(host, 'unbound', ['-d', '-c', config], /start of service/)
  dns = new RunningHamlet(['dns', '--host', '127.0.0.1', '--port', '53', '--admin_port', '5354', '--upstream', '127.0.0.1:5300', '--data', emptyFolder()], { namespace: host })
  await dns.line(/^Waiting for requests\.\.\.$/)
  const register = "const s=require('dgram').createSocket('udp4');s.on('message',m=>{console.log(String(m));s.close()});s.send('REGISTER my-app.home 192.168.1.50',5354,'127.0.0.1')"
  expect(run(host, process.execPath, '-e', register)).toMatch(/^OK /)
})
afterAll(async () => {
  await dns.stop()
  await upstream.stop()
  network.remove()
})

test('dig gets a registered name on port 53', () => {
  const answer = dig('my-app.home', 'A')
  expect(answer).toMatch(/status: NOERROR/)
  expect(answer).toMatch(/^my-app\.home\.\s+\d+\s+IN\s+A\s+192\.168\.1\.50$/m)
  expect(answer).toMatch(/flags: qr aa rd/)
})

test('dig gets it over TCP, and without EDNS', () => {
  expect(dig('+tcp', '+short', 'my-app.home')).toBe('192.168.1.50\n')
  expect(dig('+noedns', '+short', 'my-app.home')).toBe('192.168.1.50\n')
})

test('dig gets a forwarded name, the second time from the cache with its TTL counted down', () => {
  expect(dig('+short', 'www.example.org')).toBe('192.0.2.80\n')
  expect(dig('+short', 'www.example.org', 'AAAA')).toBe('2001:db8::80\n')
  const ttl = Number(/^www\.example\.org\.\s+(\d+)/m.exec(dig('www.example.org'))?.[1])
  expect(ttl).toBeGreaterThan(200)
  expect(ttl).toBeLessThanOrEqual(300)
})

test('dig gets NXDOMAIN for an unknown name, here and upstream', () => {
  expect(dig('nobody.home')).toMatch(/status: NXDOMAIN/)
  expect(dig('nobody.example.org')).toMatch(/status: NXDOMAIN/)
})

test('dig gets NODATA for a type that a registered name lacks', () => {
  const answer = dig('my-app.home', 'HTTPS')
  expect(answer).toMatch(/status: NOERROR/)
  expect(answer).toMatch(/ANSWER: 0/)
})

test('dig finds no malformed byte in any answer', () => {
  for (const args of [['my-app.home'], ['my-app.home', 'ANY'], ['www.example.org'], ['nobody.home', 'MX'], ['-x', '192.168.1.50']]) {
    expect(dig(...args), args.join(' ')).not.toMatch(/malformed|warning|extra bytes/i)
  }
})
