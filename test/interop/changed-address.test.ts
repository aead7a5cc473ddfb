// A host that starts before its network is up and later changes its address: everything follows, and nothing announces
// the old address.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { emptyFolder, runHamlet, RunningHamlet } from '../support/hamlet.ts'
import { createNetwork, run, type Network } from '../support/namespaces.ts'

const FIRST = '10.77.0.1'
const SECOND = '10.78.0.1'

let network: Network
let host = ''
let visitor = ''
let up: RunningHamlet
const folder = emptyFolder()

beforeAll(async () => {
  network = createNetwork({ host: '', visitor: '10.77.0.2/24' })
  host = network.namespaces['host'] ?? ''
  visitor = network.namespaces['visitor'] ?? ''
  run(visitor, 'ip', 'address', 'add', '10.78.0.2/24', 'dev', 'eth0')
  up = new RunningHamlet(['up', '--lan', '--data', emptyFolder()], { namespace: host })
  await up.line(/registered my-app\.home as 127\.0\.0\.1/, 'stderr')
})
afterAll(async () => {
  await up.stop()
  network.remove()
})

async function changeAddress(from: string | undefined, to: string): Promise<void> {
  if (from !== undefined) run(host, 'ip', 'address', 'delete', `${from}/24`, 'dev', 'eth0')
  run(host, 'ip', 'address', 'add', `${to}/24`, 'dev', 'eth0')
  await up.line(new RegExp(`registered my-app\\.home as ${to.replaceAll('.', '\\.')}`), 'stderr')
}

test.each([[undefined, FIRST], [FIRST, SECOND]])('from %s to %s: lease, name and pages use the new address', async (from, to) => {
  await changeAddress(from, to)
  const ask = (...args: string[]) => runHamlet([...args, '--data', folder], { namespace: visitor })
  await expect.poll(async () => (await ask('lease', '--json', '--dhcp', to)).stdout, { timeout: 20_000, interval: 500 }).toContain(`"dns":"${to}"`)
  expect(run(visitor, 'dig', '+short', `@${to}`, 'my-app.home')).toBe(`${to}\n`)
  for (const scheme of ['http', 'rudp']) {
    const page = await ask('fetch', `${scheme}://my-app.home/`, '--dns', to)
    expect(page.stderr).toContain(`from ${to}:`)
    expect(page.stdout).toContain('Welcome to my-app.home')
  }
}, 60_000)

test('nothing listens on the old address any more', () => {
  expect(run(host, 'ss', '-Hlntu')).not.toContain(FIRST)
})

test('the admin port on all addresses follows, too', async () => {
  const dns = new RunningHamlet(['dns', '--host', '127.0.0.1', '--port', '5300', '--admin_host', '0.0.0.0', '--admin_port', '5355', '--data', emptyFolder()], { namespace: host })
  await dns.line(/^Waiting for requests\.\.\.$/)
  run(host, 'ip', 'address', 'add', '10.79.0.1/24', 'dev', 'eth0')
  await dns.line(/^10\.79\.0\.1 is new on this machine/, 'stderr')
  const list = "const s=require('dgram').createSocket('udp4');s.on('message',m=>{console.log(String(m));s.close()});s.send('LIST',5355,'10.79.0.1')"
  expect(run(host, process.execPath, '-e', list)).toMatch(/^OK /m)
  await dns.stop()
})
