import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startDns, type RunningDns } from '../support/dns-server.ts'
import { emptyFolder, runHamlet } from '../support/hamlet.ts'
import { run } from '../support/namespaces.ts'
import { nsupdate } from '../support/nsupdate.ts'
import { askByUdp } from '../support/udp.ts'

const folder = emptyFolder()
const key = join(emptyFolder(), 'laptop.key')
const otherKey = join(emptyFolder(), 'other.key')
let server: RunningDns

const update = (...lines: string[]) => nsupdate(server.port, lines, '-k', key)
const dig = (...args: string[]) => run(undefined, 'dig', '@127.0.0.1', '-p', String(server.port), '+tries=1', '+time=5', ...args)
const held = (name: string, type = 'A') => dig('+short', name, type).trim().split('\n').sort()

beforeAll(async () => {
  expect(await runHamlet(['key', 'laptop', '--data', folder, '--output', key])).toMatchObject({ status: 0, stdout: `${key}\n` })
  await runHamlet(['key', 'other', '--data', emptyFolder(), '--output', otherKey])
  server = await startDns(folder, ['--upstream', '127.0.0.1:9'])
})
afterAll(() => server.dns.stop())

test('nsupdate adds records over UDP and TCP, and dig finds them with their TTL', () => {
  expect(update('update add one.home 300 A 192.0.2.1', 'update add one.home 300 AAAA 2001:db8::1', 'update add one.home 60 TXT "two words"')).toBe('NOERROR')
  expect(nsupdate(server.port, ['update add two.home 60 MX 10 one.home.'], '-v', '-k', key)).toBe('NOERROR')
  expect(dig('one.home', 'A')).toMatch(/^one\.home\.\s+300\s+IN\s+A\s+192\.0\.2\.1$/m)
  expect([held('one.home', 'AAAA'), held('one.home', 'TXT'), held('two.home', 'MX')]).toEqual([['2001:db8::1'], ['"two words"'], ['10 one.home.']])
})

test('nsupdate removes one record, all records of a type, and a whole name', () => {
  expect(update(...[1, 2, 3].map(n => `update add three.home 60 A 192.0.2.${n}`), 'update add three.home 60 TXT note', 'update add four.home 60 A 192.0.2.4')).toBe('NOERROR')
  expect(update('update delete three.home A 192.0.2.2', 'update delete three.home TXT', 'update delete four.home')).toBe('NOERROR')
  expect([held('three.home'), held('three.home', 'TXT'), held('four.home')]).toEqual([['192.0.2.1', '192.0.2.3'], [''], ['']])
})

test('if a prerequisite fails, nothing changes', () => {
  expect(update('update add five.home 60 A 192.0.2.5')).toBe('NOERROR')
  expect(update('prereq nxdomain five.home', 'update add five.home 60 A 192.0.2.6')).toBe('update failed: YXDOMAIN')
  expect(update('prereq yxdomain none.home', 'update add none.home 60 A 192.0.2.6')).toBe('update failed: NXDOMAIN')
  expect(update('prereq nxrrset five.home A', 'update add five.home 60 A 192.0.2.6')).toBe('update failed: YXRRSET')
  expect(update('prereq yxrrset five.home A 192.0.2.9', 'update add five.home 60 A 192.0.2.6')).toBe('update failed: NXRRSET')
  expect([held('five.home'), held('none.home')]).toEqual([['192.0.2.5'], ['']])
  expect(update('prereq yxrrset five.home A 192.0.2.5', 'prereq nxrrset five.home MX', 'update delete five.home A', 'update add five.home 60 A 192.0.2.6')).toBe('NOERROR')
  expect(held('five.home')).toEqual(['192.0.2.6'])
})

test('an update of another zone is refused', () => {
  expect(update('update add www.example.org 60 A 192.0.2.1')).toMatch(/NOTZONE/)
})

test('without a key, with an unknown key, or with a wrong secret, nothing changes', () => {
  const lines = ['update add bad.home 60 A 192.0.2.66']
  expect(nsupdate(server.port, lines)).toBe('update failed: REFUSED')
  expect(nsupdate(server.port, lines, '-k', otherKey)).toMatch(/NOTAUTH\(BADKEY\)/)
  // The right name with the wrong secret.
  run(undefined, 'sed', '-i', 's/"other"/"laptop"/', otherKey)
  expect(nsupdate(server.port, lines, '-k', otherKey)).toMatch(/NOTAUTH\(BADSIG\)/)
  expect(held('bad.home')).toEqual([''])
})

/** Runs dnspython, which verifies every signature that it receives. A test may set its clock. */
function python(...program: string[]): string {
  const { stdout, stderr, status } = spawnSync('/usr/bin/python3', ['-'], { encoding: 'utf8', input: [
    'import dns.message, dns.query, dns.rcode, dns.tsig, dns.tsigkeyring, dns.update, dns.zone, dns.xfr, re, time',
    `text = open('${key}').read()`,
    'keyring = dns.tsigkeyring.from_text({ "laptop": re.search(\'secret "(.*)"\', text).group(1) })',
    `port = ${server.port}`,
    'update = dns.update.Update("home", keyring=keyring, keyname="laptop", keyalgorithm="hmac-sha256")',
    ...program, ''].join('\n') })
  if (status !== 0) throw new Error(stderr)
  return stdout.trim()
}

test('a clock that is ten minutes off gets BADTIME in an answer with a valid signature', () => {
  for (const offSeconds of [-600, 600]) {
    expect(python(
      'update.add("late.home.", 60, "A", "192.0.2.66")',
      `real = time.time; time.time = lambda: real() + ${offSeconds}`,
      'try: print(dns.query.udp(update, "127.0.0.1", port=port, timeout=5))',
      'except dns.tsig.PeerBadTime as error: print("BADTIME")',
    )).toBe('BADTIME')
  }
  expect(held('late.home')).toEqual([''])
})

test('a repeated update is answered again but not applied again', () => {
  expect(python(
    'update.add("again.home.", 60, "A", "192.0.2.1")',
    'wire = update.to_wire()',
    'import socket; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.settimeout(5)',
    'def send(): s.sendto(wire, ("127.0.0.1", port)); return s.recv(4096)[3] & 15',
    'first = send()',
    'other = dns.update.Update("home", keyring=keyring, keyname="laptop", keyalgorithm="hmac-sha256"); other.delete("again.home.")',
    'dns.query.udp(other, "127.0.0.1", port=port)',
    'print(first, send())',
  )).toBe('0 0')
  expect(held('again.home')).toEqual([''])
})

test('a signed query gets a signed answer, even if the answer was cached', () => {
  expect(held('one.home')).toEqual(['192.0.2.1'])
  for (let round = 0; round < 2; round++) expect(dig('-k', key, 'one.home')).toMatch(/TSIG\s+hmac-sha256\. \d+ 300 32 \S+ \d+ NOERROR/)
})

test('the whole zone is transferred to a client with a key, in many signed messages, and to no other', async () => {
  for (let round = 0; round < 10; round++) {
    expect(update(...Array.from({ length: 200 }, (_, n) => `update add host-${round}-${n}.many.home 60 A 192.0.2.${n}`))).toBe('NOERROR')
  }
  await askByUdp(server.adminPort, 'REGISTER www.example.org 203.0.113.1')
  expect(Number(python(
    'zone = dns.zone.Zone("home", relativize=False)',
    'query, serial = dns.xfr.make_query(zone, keyring=keyring, keyname="laptop", keyalgorithm="hmac-sha256")',
    'dns.query.inbound_xfr("127.0.0.1", zone, query, port=port, timeout=20)',
    'print(sum(1 for each in zone.iterate_rdatas()))',
  ))).toBeGreaterThan(2000)
  const whole = dig('-k', key, 'home', 'AXFR')
  expect(Number(/messages (\d+)/.exec(whole)?.[1])).toBeGreaterThan(2)
  expect(whole).not.toContain('example.org')
  expect(dig('home', 'AXFR')).toContain('Transfer failed')
})

test('the changes since a serial are transferred to a client with a key', () => {
  const serial = Number(dig('+short', 'home', 'SOA').split(' ')[2])
  update('update delete one.home TXT', 'update add six.home 60 A 192.0.2.6')
  const changes = dig('-k', key, 'home', `IXFR=${serial}`).split('\n').filter(line => /\sIN\s/.test(line)).map(line => line.replace(/\s+/g, ' '))
  expect(changes.map(line => line.includes(' SOA ') ? `SOA ${line.split(' ')[6]}` : line)).toEqual([
    `SOA ${serial + 1}`, `SOA ${serial}`, 'one.home. 60 IN TXT "two words"', `SOA ${serial + 1}`, 'six.home. 60 IN A 192.0.2.6', `SOA ${serial + 1}`,
  ])
})

test('a new key is loaded while the server runs', async () => {
  const tablet = join(emptyFolder(), 'tablet.key')
  await runHamlet(['key', 'tablet', '--data', folder, '--output', tablet])
  await server.dns.line(/dns\.keys holds 2 keys/, 'stderr')
  expect(nsupdate(server.port, ['update add seven.home 60 A 192.0.2.7'], '-k', tablet)).toBe('NOERROR')
})

test('a connection that asks for keepalive gets its idle timeout', () => {
  expect(dig('+tcp', '+keepalive', 'one.home')).toMatch(/TCP KEEPALIVE: 10\.0 secs/)
  expect(dig('+tcp', 'one.home')).not.toMatch(/KEEPALIVE/)
})

test('what was answered with NOERROR survives kill -9', async () => {
  expect(update('update add kept.home 60 A 192.0.2.8', 'update delete seven.home')).toBe('NOERROR')
  await server.dns.stop('SIGKILL')
  server = await startDns(folder, ['--upstream', '127.0.0.1:9'])
  expect([held('kept.home'), held('seven.home')]).toEqual([['192.0.2.8'], ['']])
})

test('with --local_update, updates from this machine need no key', async () => {
  const trusting = await startDns(emptyFolder(), ['--local_update'])
  expect(nsupdate(trusting.port, ['update add eight.home 60 A 192.0.2.8'])).toBe('NOERROR')
  await trusting.dns.stop()
})
