// Knot and NSD as secondaries on separate machines: Knot is authorized by a key, NSD by its address.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { emptyFolder, runHamlet, RunningHamlet } from '../support/hamlet.ts'
import { createNetwork, run, startPeer, type Network } from '../support/namespaces.ts'
import { nsupdateIn } from '../support/nsupdate.ts'

const PRIMARY = '10.77.0.1'
const KNOT = '10.77.0.2'
const NSD = '10.77.0.3'

const folder = emptyFolder()
const key = join(emptyFolder(), 'laptop.key')
let network: Network
let primary: RunningHamlet
const peers: { stop(): Promise<void> }[] = []

const host = () => network.namespaces['host']
const dig = (server: string, ...args: string[]) => run(host(), 'dig', `@${server}`, '+tries=1', '+time=2', '+short', ...args).trim()
const serialAt = (server: string) => Number(dig(server, 'home', 'SOA').split(' ')[2])
const update = (...lines: string[]) => nsupdateIn(host(), PRIMARY, 53, lines, '-k', key)
const events = () => primary.stdout.split('\n').filter(line => line.startsWith('{"event"')).map(line => JSON.parse(line) as Record<string, unknown>)
const transfersTo = (address: string) => events().filter(({ event, secondary }) => event === 'transferred' && String(secondary).startsWith(`${address}:`)).map(({ kind }) => kind)

/** Waits until a secondary has the primary's serial. */
async function expectFollowed(server: string): Promise<void> {
  await expect.poll(() => serialAt(server), { timeout: 30_000, interval: 200 }).toBe(serialAt(PRIMARY))
}

async function startPrimary(): Promise<void> {
  primary = new RunningHamlet(['dns', '--host', PRIMARY, '--upstream', '127.0.0.1:9', '--secondary', KNOT, '--secondary', NSD, '--json', '--data', folder], { namespace: host() })
  await primary.line(/Waiting for requests/)
}

async function startKnot(): Promise<void> {
  const home = emptyFolder()
  const secret = /secret "(.*)"/.exec(readFileSync(key, 'latin1'))?.[1] ?? ''
  writeFileSync(join(home, 'knot.conf'), [
    'server:', `    rundir: "${home}"`, `    listen: ${KNOT}@53`, 'log:', '  - target: stdout', '    any: info', 'database:', `    storage: "${home}"`,
    'key:', '  - id: laptop', '    algorithm: hmac-sha256', `    secret: ${secret}`,
    'remote:', '  - id: hamlet', `    address: ${PRIMARY}@53`, '    key: laptop', 'acl:', '  - id: allow_notify', `    address: ${PRIMARY}`, '    action: [notify, transfer]',
    'zone:', '  - domain: home', `    storage: "${home}"`, '    master: hamlet', '    acl: allow_notify', ''].join('\n'))
  peers.push(await startPeer(network.namespaces['knot'], 'knotd', ['-c', join(home, 'knot.conf')], /server started/))
}

async function startNsd(): Promise<void> {
  const home = emptyFolder()
  writeFileSync(join(home, 'nsd.conf'), [
    'server:', `  ip-address: ${NSD}`, '  username: ""', `  zonesdir: "${home}"`, '  database: ""', `  pidfile: "${home}/nsd.pid"`, `  xfrdfile: "${home}/xfrd.state"`,
    `  zonelistfile: "${home}/zone.list"`, `  xfrdir: "${home}"`, '  server-count: 1', '  verbosity: 2', 'remote-control:', '  control-enable: no',
    'zone:', '  name: home', `  zonefile: "${home}/home.zone"`, `  allow-notify: ${PRIMARY} NOKEY`, `  request-xfr: ${PRIMARY}@53 NOKEY`, `  provide-xfr: ${PRIMARY} NOKEY`, ''].join('\n'))
  peers.push(await startPeer(network.namespaces['nsd'], 'nsd', ['-d', '-c', join(home, 'nsd.conf')], /nsd started/))
}

beforeAll(async () => {
  network = createNetwork({ host: `${PRIMARY}/24`, knot: `${KNOT}/24`, nsd: `${NSD}/24`, outsider: '10.77.0.9/24' })
  await runHamlet(['key', 'laptop', '--data', folder, '--output', key])
  await startPrimary()
  expect(update('update add one.home 60 A 192.0.2.1')).toBe('NOERROR')
  await startKnot()
  await startNsd()
}, 60_000)
afterAll(async () => {
  for (const peer of peers) await peer.stop()
  await primary.stop()
  network.remove()
})

test.each([['Knot', KNOT], ['NSD', NSD]])('%s transfers the zone and answers from it', async (_name, server) => {
  await expectFollowed(server)
  expect(dig(server, 'one.home')).toBe('192.0.2.1')
  await expect.poll(() => transfersTo(server)[0]).toBe('AXFR')
})

test('both are notified of a REGISTER and have the change within seconds', async () => {
  const register = "const s=require('dgram').createSocket('udp4');s.on('message',m=>{console.log(String(m));s.close()});s.send('REGISTER two.home 192.0.2.2',5354,'127.0.0.1')"
  expect(run(host(), process.execPath, '-e', register)).toMatch(/^OK /)
  for (const server of [KNOT, NSD]) {
    await expectFollowed(server)
    expect(dig(server, 'two.home')).toBe('192.0.2.2')
    await expect.poll(() => transfersTo(server).slice(1)).toEqual(['IXFR'])
  }
  await expect.poll(() => events().filter(({ event, rcode }) => event === 'notified' && rcode === 'NOERROR').length).toBeGreaterThanOrEqual(2)
})

test('both follow many changes and end with the same zone', async () => {
  for (let round = 0; round < 5; round++) {
    expect(update(...Array.from({ length: 100 }, (_, n) => `update add n${n}.r${round}.home 60 A 192.0.2.${n}`), 'update delete two.home', `update add two.home 60 TXT "round ${round}"`)).toBe('NOERROR')
  }
  expect(update('update delete n5.r0.home', 'update delete one.home A 192.0.2.1', 'update add one.home 60 AAAA 2001:db8::1')).toBe('NOERROR')
  const zoneAt = (server: string, ...flags: string[]) => run(host(), 'dig', `@${server}`, ...flags, 'home', 'AXFR', '+noall', '+answer').split('\n').map(line => line.replace(/\s+/g, ' ').toLowerCase())
    .filter(line => line !== '' && !line.includes(' tsig ')).sort()
  const ours = zoneAt(PRIMARY, '-k', key)
  expect(ours.length).toBeGreaterThan(500)
  expect(ours).toEqual(expect.arrayContaining(['two.home. 60 in txt "round 4"', 'one.home. 60 in aaaa 2001:db8::1', 'n5.r4.home. 60 in a 192.0.2.5']))
  for (const server of [KNOT, NSD]) {
    await expectFollowed(server)
    expect(zoneAt(server)).toEqual(ours)
    expect(transfersTo(server).slice(1).every(kind => kind === 'IXFR'), transfersTo(server).join()).toBe(true)
  }
})

test('both answer alike for delegated and redirected names', async () => {
  expect(update('update add sub.home 60 NS ns1.sub.home', 'update add sub.home 60 DS 60485 8 1 2bb183af5f22588179a53b0a98631fad1a292118', 'update add ns1.sub.home 60 A 192.0.2.53',
    'update add ns1.sub.home 60 AAAA 2001:db8::53', 'update add old.home 60 DNAME new.home', 'update add a.new.home 60 A 192.0.2.7')).toBe('NOERROR')
  const answerOf = (server: string, ...question: string[]) => {
    const text = run(host(), 'dig', `@${server}`, '+tries=1', '+time=2', '+norec', '+noall', '+comments', '+answer', '+authority', '+additional', ...question)
    // NSD adds the zone's own name server to its answers, which is optional.
    const aa = /flags:[^;]* aa/.test(text) ? 'aa' : ''
    const records = text.split('\n').filter(line => /^\w/.test(line) && !/^home\.\s.*\sNS\s/.test(line)).map(line => line.replace(/\s+/g, ' ').toLowerCase()).sort()
    return [/status: (\w+)/.exec(text)?.[1], aa, ...records]
  }
  const questions = [['www.sub.home', 'A'], ['sub.home', 'NS'], ['sub.home', 'A'], ['sub.home', 'DS'], ['ns1.sub.home', 'A'], ['a.old.home', 'A'], ['none.old.home', 'A'], ['a.old.home', 'CNAME'], ['old.home', 'DNAME']]
  expect(answerOf(PRIMARY, 'www.sub.home', 'A')).toEqual(['NOERROR', '', 'ns1.sub.home. 60 in a 192.0.2.53', 'ns1.sub.home. 60 in aaaa 2001:db8::53', 'sub.home. 60 in ns ns1.sub.home.'])
  expect(answerOf(PRIMARY, 'a.old.home', 'A')).toEqual(['NOERROR', 'aa', 'a.new.home. 60 in a 192.0.2.7', 'a.old.home. 60 in cname a.new.home.', 'old.home. 60 in dname new.home.'])
  for (const server of [KNOT, NSD]) {
    await expectFollowed(server)
    for (const question of questions) expect(answerOf(server, ...question), `${server} ${question.join(' ')}`).toEqual(answerOf(PRIMARY, ...question))
  }
})

test('a machine that is not a secondary and has no key does not get the zone', async () => {
  expect(run(network.namespaces['outsider'], 'dig', `@${PRIMARY}`, '+tries=1', 'home', 'AXFR')).toContain('Transfer failed')
  await expect.poll(() => events().find(({ event, asked }) => event === 'refused' && asked === 'AXFR home')).toMatchObject({ client: expect.stringMatching(/^10\.77\.0\.9:/) })
})

test('a start with an unreadable dns.zone removes no names from the secondaries, and they catch up once it is repaired', async () => {
  await primary.stop()
  const text = readFileSync(join(folder, 'dns.zone'), 'latin1')
  writeFileSync(join(folder, 'dns.zone'), `${text}broken A 1.2.3\n`)
  await startPrimary()
  expect(update('update add since.home 60 A 192.0.2.8')).toBe('NOERROR')
  expect([dig(PRIMARY, 'one.home', 'AAAA'), dig(PRIMARY, 'since.home')]).toEqual(['', '192.0.2.8'])
  for (const server of [KNOT, NSD]) {
    await expect.poll(() => events().some(({ event, client, why }) => event === 'refused' && String(client).startsWith(`${server}:`) && /names are missing/.test(String(why))), { timeout: 20_000 }).toBe(true)
    expect(dig(server, 'one.home', 'AAAA')).toBe('2001:db8::1')
  }
  writeFileSync(join(folder, 'dns.zone'), text)
  await expect.poll(() => dig(PRIMARY, 'one.home', 'AAAA'), { timeout: 10_000 }).toBe('2001:db8::1')
  for (const server of [KNOT, NSD]) {
    await expectFollowed(server)
    expect([dig(server, 'one.home', 'AAAA'), dig(server, 'since.home')]).toEqual(['2001:db8::1', '192.0.2.8'])
  }
})
