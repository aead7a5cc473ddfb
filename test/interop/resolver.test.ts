/** Our stub resolver queries foreign servers; our server forwards over UDP, TLS and HTTPS, with DNSSEC proofs intact. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { makeCertificates, type Certificates } from '../../src/services/dns/upstream/testing/certificates.ts'
import { emptyFolder, runHamlet, RunningHamlet } from '../support/hamlet.ts'
import { createNetwork, run, startPeer, type Network } from '../support/namespaces.ts'

const UNBOUND = 5301
const KNOT = 5302
const DNSMASQ = 5303
const BIG = Array.from({ length: 90 }, (_, index) => `203.0.113.${index}`)

let network: Network
let host: string
let folder: string
let certificates: Certificates
const closers: (() => Promise<unknown>)[] = []

const file = (name: string, ...lines: string[]): string => {
  writeFileSync(join(folder, name), `${lines.join('\n')}\n`)
  return join(folder, name)
}
const peer = async (program: string, args: readonly string[], ready: RegExp): Promise<void> => {
  const started = await startPeer(host, program, args, ready)
  closers.push(() => started.stop())
}

async function startUnbound(): Promise<void> {
  const config = file('unbound.conf',
    'server:', `interface: 127.0.0.1@${UNBOUND}`, 'interface: 127.0.0.1@8853', 'interface: 127.0.0.1@8443', 'tls-port: 8853', 'https-port: 8443', 'http-endpoint: "/dns-query"',
    `tls-service-key: "${certificates.keyFile}"`, `tls-service-pem: "${certificates.certificateFile}"`, 'do-daemonize: no', 'username: ""', 'chroot: ""', `directory: "${folder}"`,
    'use-syslog: no', 'logfile: ""', 'verbosity: 1', 'do-not-query-localhost: no', 'local-zone: "example.org." static', 'local-data: "example.org. 300 IN SOA ns.example.org. host.example.org. 1 3600 600 86400 300"',
    'local-data: "www.example.org. 300 IN A 203.0.113.80"', 'local-data: "mail.example.org. 300 IN MX 10 www.example.org."', 'local-data: "evil.example.org. 300 IN A 192.168.1.1"',
    ...BIG.map(address => `local-data: "big.example.org. 300 IN A ${address}"`))
  await peer('unbound', ['-d', '-c', config], /start of service/)
}

async function startKnot(): Promise<void> {
  file('example.org.zone', '$ORIGIN example.org.', '$TTL 300', '@ SOA ns host 1 3600 600 86400 300', '@ NS ns', 'ns A 127.0.0.1', 'www A 203.0.113.80', 'alias CNAME www', 'mail MX 10 www',
    '*.wild A 203.0.113.81', ...BIG.map(address => `big A ${address}`))
  const config = file('knot.conf', 'server:', `  rundir: "${folder}"`, `  listen: 127.0.0.1@${KNOT}`, 'database:', `  storage: "${folder}"`, 'template:', '  - id: default', `    storage: "${folder}"`,
    'zone:', '  - domain: example.org', '    file: example.org.zone', '    dnssec-signing: on', '    zonefile-sync: -1', 'log:', '  - target: stderr', '    any: info')
  await peer('knotd', ['-c', config], /server started/)
}

async function startDnsmasq(): Promise<void> {
  const config = file('dnsmasq.conf', `port=${DNSMASQ}`, 'listen-address=127.0.0.1', 'bind-interfaces', 'no-resolv', 'no-hosts', 'pid-file', 'user=root', 'local=/example.org/', 'log-facility=-',
    'host-record=www.example.org,203.0.113.80,300', 'mx-host=mail.example.org,www.example.org,10', 'cname=alias.example.org,www.example.org', ...BIG.map(address => `host-record=big.example.org,${address},300`))
  await peer('dnsmasq', ['-k', '-C', config], /started/)
}

/** Starts a Hamlet server that forwards to others. @returns its port */
async function startDns(...flags: string[]): Promise<number> {
  const dns = new RunningHamlet(['dns', '--host', '127.0.0.1', '--port', '0', '--admin_port', '0', '--data', emptyFolder(), ...flags], { namespace: host })
  closers.push(() => dns.stop())
  return Number((await dns.line(/^DNS Server is running on 127\.0\.0\.1:(\d+)\.\.\.$/))[1])
}

const resolution = z.object({ rcode: z.string(), records: z.array(z.object({ name: z.string(), type: z.string(), ttl: z.number(), data: z.string() })), provenance: z.string(), sentence: z.string() })

async function resolve(port: number, name: string, type = 'A'): Promise<z.output<typeof resolution>> {
  const { stdout, stderr } = await runHamlet(['resolve', name, type, '--dns', `127.0.0.1:${port}`, '--json'], { namespace: host })
  expect(stdout, stderr).not.toBe('')
  return resolution.parse(JSON.parse(stdout))
}

const dig = (port: number, ...args: string[]) => run(host, 'dig', '@127.0.0.1', '-p', String(port), '+tries=1', '+time=5', ...args)

beforeAll(async () => {
  network = createNetwork({ host: '10.77.0.1/24' })
  host = network.namespaces['host'] ?? ''
  folder = mkdtempSync(join(tmpdir(), 'hamlet-resolver-'))
  certificates = makeCertificates('DNS:dns.example.org,IP:127.0.0.1')
  await Promise.all([startUnbound(), startKnot(), startDnsmasq()])
})
afterAll(async () => {
  for (const close of closers.splice(0).reverse()) await close()
  network.remove()
  for (const made of [folder, certificates.folder]) rmSync(made, { recursive: true })
})

describe.each([['Unbound', UNBOUND], ['Knot', KNOT], ['dnsmasq', DNSMASQ]])('hamlet resolve and %s', (_name, port) => {
  test('agree on an address and a mail exchange', async () => {
    expect(await resolve(port, 'www.example.org')).toMatchObject({ rcode: 'NOERROR', records: [{ name: 'www.example.org', type: 'A', data: '203.0.113.80' }], provenance: '' })
    expect((await resolve(port, 'mail.example.org', 'MX')).records).toMatchObject([{ data: '10 www.example.org' }])
  })

  test('agree that a name, or a record of a name, does not exist', async () => {
    expect(await resolve(port, 'nobody.example.org')).toMatchObject({ rcode: 'NXDOMAIN', records: [] })
    expect(await resolve(port, 'www.example.org', 'AAAA')).toMatchObject({ rcode: 'NOERROR', records: [] })
  })

  test('use TCP for what is too large for UDP', async () => {
    expect((await resolve(port, 'big.example.org')).records.map(({ data }) => data).sort()).toEqual([...BIG].sort())
  })
})

test.each(['Knot', 'dnsmasq'])('hamlet resolve follows an alias of %s', async name => {
  expect((await resolve(name === 'Knot' ? KNOT : DNSMASQ, 'alias.example.org')).records.map(({ type, data }) => [type, data])).toEqual([['CNAME', 'www.example.org'], ['A', '203.0.113.80']])
})

test('if the first server refuses, the second answers', async () => {
  const port = await startDns('--upstream', '127.0.0.1:9', '--upstream', `127.0.0.1:${UNBOUND}`)
  expect((await resolve(port, 'www.example.org')).records).toMatchObject([{ data: '203.0.113.80' }])
})

test.each([
  ['UDP', `127.0.0.1:${UNBOUND}`, `127\\.0\\.0\\.1:${UNBOUND}`],
  ['TLS', 'tls://127.0.0.1:8853#dns.example.org', 'tls://127\\.0\\.0\\.1:8853'],
  ['HTTPS', 'https://127.0.0.1:8443/dns-query#dns.example.org', 'https://127\\.0\\.0\\.1:8443/dns-query'],
])('our server forwards to Unbound over %s, and each answer says where it comes from', async (_name, upstream, title) => {
  const port = await startDns('--upstream', upstream, '--upstream_ca', certificates.authorityFile)
  expect((await resolve(port, 'www.example.org')).provenance).toMatch(new RegExp(`^upstream ${title} in \\d+ ms$`))
  expect((await resolve(port, 'www.example.org')).provenance).toMatch(new RegExp(`^cache, \\d+ s old, from ${title}$`))
  expect((await resolve(port, 'home', 'SOA')).provenance).toBe('zone')
  expect((await resolve(port, 'big.example.org')).records).toHaveLength(90)
})

test('a certificate with another name is not trusted, and the answer says so', async () => {
  const port = await startDns('--upstream', 'tls://127.0.0.1:8853#dns.example.net', '--upstream_ca', certificates.authorityFile)
  const answer = dig(port, 'www.example.org')
  expect(answer).toMatch(/status: SERVFAIL/)
  expect(answer).toMatch(/EDE: 23 \(Network Error\).*cannot be trusted/)
})

test('a private address from Unbound is removed, unless a setting allows it', async () => {
  const strict = await startDns('--upstream', `127.0.0.1:${UNBOUND}`)
  const answer = dig(strict, 'evil.example.org')
  expect(answer).toMatch(/status: NOERROR/)
  expect(answer).toMatch(/ANSWER: 0/)
  expect(answer).toMatch(/EDE: 17 \(Filtered\)/)
  const lax = await startDns('--upstream', `127.0.0.1:${UNBOUND}`, '--allow_private', 'example.org')
  expect(dig(lax, '+short', 'evil.example.org')).toBe('192.168.1.1\n')
})

test('a validator behind our server finds the proofs of Knot\'s signed zone complete: answers, aliases, wildcards and denials', async () => {
  const port = await startDns('--upstream', '127.0.0.1:9', '--forward', `example.org=127.0.0.1:${KNOT}`)
  const keys = run(host, 'dig', '@127.0.0.1', '-p', String(KNOT), '+short', 'example.org', 'DNSKEY').split('\n').filter(line => line.startsWith('257 '))
  const anchors = file('anchors', 'trust-anchors {', ...keys.map(key => `  example.org static-key ${key.replace(/^(\d+ \d+ \d+) (.*)$/, (_all, numbers: string, octets: string) => `${numbers} "${octets}"`)};`), '};')
  const delv = (...args: string[]) => run(host, 'delv', '@127.0.0.1', '-p', String(port), '-a', anchors, '+root=example.org', ...args)
  expect(delv('www.example.org')).toMatch(/; fully validated[^]*203\.0\.113\.80/)
  expect(delv('alias.example.org')).toMatch(/; fully validated[^]*203\.0\.113\.80/)
  expect(delv('some.wild.example.org')).toMatch(/; fully validated[^]*203\.0\.113\.81/)
  expect(delv('nobody.example.org')).toMatch(/negative response, fully validated/)
  expect(delv('www.example.org', 'TXT')).toMatch(/negative response, fully validated/)
  // once more, from the cache
  expect(delv('some.wild.example.org')).toMatch(/; fully validated[^]*203\.0\.113\.81/)
  expect(dig(port, '+dnssec', 'www.example.org')).toMatch(/RRSIG\s+A/)
  expect(dig(port, 'www.example.org')).not.toMatch(/RRSIG/)
})
