// The admin port on a LAN: the server, a visitor on its network, a friend on an allowed network, and a machine on a
// distant network.
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { emptyFolder, runHamlet, RunningHamlet } from '../support/hamlet.ts'
import { createNetwork, run, type Network } from '../support/namespaces.ts'

const SERVER = '10.77.0.1'
const VISITOR = '10.77.0.2'
const FRIEND = '10.78.0.3'
const FAR = '10.79.0.4'

const folder = emptyFolder()
const key = join(emptyFolder(), 'far.key')
let network: Network
let server: RunningHamlet

/** Sends lines one after the other from a machine, as netcat would, and returns the answer to each. */
function say(machine: string, ...lines: string[]): string[] {
  const program = `const lines=JSON.parse(process.argv[1]),s=require('dgram').createSocket('udp4'),next=()=>lines.length?s.send(lines.shift(),5354,'${SERVER}'):s.close();
    s.on('message',m=>{console.log(String(m).trim());next()});next()`
  return run(network.namespaces[machine], process.execPath, '-e', program, JSON.stringify(lines)).trim().split('\n')
}

/** A line signed with shell tools only, as docs/dns-admin.md shows. */
function signedByShell(line: string): string {
  const script = `secret=$(sed -n 's/.*secret "\\(.*\\)".*/\\1/p' "$1" | base64 -d | od -An -v -tx1 | tr -d ' \\n')
    text="$2 HMAC far $(date +%s) $(od -An -N8 -tx1 /dev/urandom | tr -d ' \\n')"
    printf '%s %s' "$text" "$(printf '%s' "$text" | openssl dgst -sha256 -mac HMAC -macopt "hexkey:$secret" | sed 's/.* //')"`
  return execFileSync('sh', ['-c', script, 'sh', key, line], { encoding: 'utf8' })
}
const events = () => server.stdout.split('\n').filter(line => line.startsWith('{"event"')).map(line => JSON.parse(line) as Record<string, unknown>)

beforeAll(async () => {
  network = createNetwork({ server: `${SERVER}/24`, visitor: `${VISITOR}/24`, friend: `${FRIEND}/24`, far: `${FAR}/24` })
  for (const machine of ['friend', 'far']) run(network.namespaces[machine], 'ip', 'route', 'add', '10.77.0.0/24', 'dev', 'eth0')
  for (const net of ['10.78.0.0/24', '10.79.0.0/24']) run(network.namespaces['server'], 'ip', 'route', 'add', net, 'dev', 'eth0')
  await runHamlet(['key', 'far', '--data', folder, '--output', key])
  server = new RunningHamlet(
    ['dns', '--host', SERVER, '--admin_host', '0.0.0.0', '--upstream', '127.0.0.1:9', '--allow_register', '10.78.0.0/24', '--json', '--data', folder],
    { namespace: network.namespaces['server'] },
  )
  await server.line(/Waiting for requests/)
}, 60_000)
afterAll(async () => {
  await server.stop()
  network.remove()
})

test('a machine on the network can register its own name with its own address, and nothing else', () => {
  expect(say('visitor', `REGISTER visitor.home ${VISITOR}`, 'REGISTER _http._tcp.visitor.home SRV 0 0 80 visitor.home')).toEqual([`OK visitor.home A ${VISITOR}`, 'OK _http._tcp.visitor.home SRV 0 0 80 visitor.home.'])
  expect(say('server', 'REGISTER printer.home 10.77.0.9')).toEqual(['OK printer.home A 10.77.0.9'])
  const refused = say('visitor', 'REGISTER visitor.home 10.77.0.9', `REGISTER printer.home ${VISITOR}`, 'UNREGISTER printer.home', 'LIST', 'FLUSH', `REGISTER www.example.org ${VISITOR}`, `REGISTER *.home ${VISITOR}`)
  expect(refused.filter(line => /^ERROR The line was rejected: .*Sign the line/.test(line)), refused.join('\n')).toHaveLength(7)
  expect(say('visitor', 'UNREGISTER _http._tcp.visitor.home SRV', 'UNREGISTER visitor.home')).toEqual(['OK _http._tcp.visitor.home SRV unregistered', 'OK visitor.home unregistered'])
})

test('the server itself and allowed networks may use every command, on any of the server\'s addresses', () => {
  expect(say('friend', 'REGISTER friend.home 203.0.113.7', 'UNREGISTER friend.home')).toEqual(['OK friend.home A 203.0.113.7', 'OK friend.home unregistered'])
  expect(say('friend', 'LIST').join('\n')).toMatch(/^printer\.home A 10\.77\.0\.9\nOK 1 name$/)
  expect(say('server', 'LIST').join('\n')).toMatch(/OK 1 name$/)
})

test('a machine on a distant network is refused, and an event reports it', async () => {
  expect(say('far', `REGISTER far.home ${FAR}`)[0]).toMatch(/^ERROR .*10\.79\.0\.4 is not in a network of this server/)
  await expect.poll(() => events().find(({ event, asked }) => event === 'refused' && asked === 'REGISTER far.home')).toMatchObject({ client: expect.stringMatching(/^10\.79\.0\.4:/), why: expect.stringContaining('not in a network') })
})

test('a line signed by the shell is accepted from a distant network, but only once, and not if it is altered', () => {
  const line = signedByShell(`REGISTER far.home ${FAR}`)
  expect(say('far', line)).toEqual([`OK far.home A ${FAR}`])
  expect(say('server', 'UNREGISTER far.home')).toEqual(['OK far.home unregistered'])
  expect(say('visitor', line)).toEqual([`OK far.home A ${FAR}`])
  expect(say('server', 'LIST').join()).not.toContain('far.home')
  expect(say('far', line.replace(FAR, '10.79.0.5'))[0]).toMatch(/^ERROR .*its signature does not match the key "far"/)
  expect(say('far', line.replace('HMAC far', 'HMAC near'))[0]).toMatch(/^ERROR .*there is no key "near"/)
  expect(say('far', signedByShell('LIST')).join()).toMatch(/^printer\.home A 10\.77\.0\.9,OK 1 name$/)
})

test('an application server on another machine registers with its own address, or from a distant network with a key', async () => {
  const apps = [
    new RunningHamlet(['server', '--host', VISITOR, '--dns', SERVER, '--domain', 'near-app.home', '--data', emptyFolder()], { namespace: network.namespaces['visitor'] }),
    new RunningHamlet(['server', '--host', FAR, '--dns', SERVER, '--domain', 'far-app.home', '--dns_key', key, '--data', emptyFolder()], { namespace: network.namespaces['far'] }),
  ]
  for (const app of apps) await app.line(/^registered (near|far)-app\.home as /, 'stderr')
  expect(say('server', 'LIST').join('\n')).toMatch(new RegExp(`near-app\\.home A ${VISITOR}[^]*far-app\\.home A ${FAR}|far-app\\.home A ${FAR}[^]*near-app\\.home A ${VISITOR}`))
  for (const app of apps) await app.stop()
})

test('a machine that floods the port is told that it is rate-limited, and others are not delayed', () => {
  const program = `const s=require('dgram').createSocket('udp4'),seen=new Map();s.on('message',m=>{const w=/more than/.test(m)?'limited':String(m).split(' ')[0];seen.set(w,(seen.get(w)??0)+1)});
    for(let n=0;n<300;n++)s.send('REGISTER visitor.home ${VISITOR}',5354,'${SERVER}');setTimeout(()=>{console.log(JSON.stringify([...seen]));s.close()},1500)`
  const seen = new Map<string, number>(JSON.parse(run(network.namespaces['visitor'], process.execPath, '-e', program)))
  expect(seen.get('OK')).toBeGreaterThanOrEqual(30)
  expect(seen.get('OK')).toBeLessThan(80)
  expect(seen.get('limited')).toBeGreaterThan(0)
  expect(seen.get('limited')).toBeLessThan(10)
  expect(say('friend', 'REGISTER friend.home 203.0.113.7')).toEqual(['OK friend.home A 203.0.113.7'])
})

test('no secret appears in the output of the server', () => {
  const secret = /secret "(.*)"/.exec(readFileSync(key, 'latin1'))?.[1] ?? expect.unreachable('a secret')
  expect(server.stdout + server.stderr).not.toContain(secret)
})
