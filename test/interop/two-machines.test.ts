import { createHash } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { emptyFolder, runHamlet, RunningHamlet, type Finished } from '../support/hamlet.ts'
import { createNetwork, run, type Network } from '../support/namespaces.ts'

let network: Network
let up: RunningHamlet
const folder = emptyFolder()

/** Runs a command on the other machine. */
const visitor = (...args: string[]): Promise<Finished> => runHamlet([...args, '--data', folder], { namespace: network.namespaces['visitor'] })

beforeAll(async () => {
  network = createNetwork({ host: '10.77.0.1/24', visitor: '10.77.0.2/24' })
  up = new RunningHamlet(['up', '--lan', '--data', emptyFolder()], { namespace: network.namespaces['host'] })
  await up.line(/^DNS Server is running on 0\.0\.0\.0:53\.\.\.$/)
  await up.line(/^Server is running on port 6767\. Press Ctrl\+C to stop\.$/)
  await up.line(/^\[server\] listening on 0\.0\.0\.0:80$/)
  await up.line(/^\[server\] RUDP listening on 0\.0\.0\.0:8080$/)
  await up.line(/regist/i, 'stderr')
})
afterAll(async () => {
  await up.stop()
  network.remove()
})

test('the visitor gets an address of the host\'s network and learns its DNS server, by broadcast', async () => {
  const { status, stdout, stderr } = await visitor('lease', '--json')
  expect(stderr).toBe('')
  expect(status).toBe(0)
  expect(JSON.parse(stdout)).toMatchObject({ address: expect.stringMatching(/^10\.77\.0\.\d+$/), dns: '10.77.0.1', dnsPort: 53, server: '10.77.0.1' })
})

test('the visitor resolves the host\'s name at the DNS server in the lease', async () => {
  const { status, stdout, stderr } = await visitor('resolve', 'my-app.home')
  expect(status).toBe(0)
  expect(stdout).toMatch(/^my-app\.home\.?\t\d+\tA\t10\.77\.0\.1\n$/)
  expect(stderr).toContain('10.77.0.1')
})

test('the visitor fetches the same page over TCP and over RUDP', async () => {
  const [tcp, rudp] = [await visitor('fetch', 'http://my-app.home/'), await visitor('fetch', 'rudp://my-app.home/')]
  expect([tcp.status, rudp.status]).toEqual([0, 0])
  expect(tcp.stdout).toContain('Welcome to my-app.home')
  expect(rudp.stdout).toContain('Welcome to my-app.home')
})

test('the visitor\'s gateway shows the host\'s page to any browser, over both transports', async () => {
  const client = new RunningHamlet(['client', '--data', folder], { namespace: network.namespaces['visitor'] })
  const [, proxy = ''] = await client.line(/(http:\/\/[^\s]+@127\.0\.0\.1:\d+)/)
  for (const transport of ['tcp', 'rudp']) {
    const page = run(network.namespaces['visitor'], 'curl', '-sS', '--noproxy', '', '-x', proxy, '-H', `x-hamlet-transport: ${transport}`, 'http://my-app.home/')
    expect(page).toContain('Welcome to my-app.home')
    expect(page).toContain(`<span id="transport">${transport.toUpperCase()}</span>`)
  }
  await client.stop()
})

test('a film is the same bytes over both transports', async () => {
  const page = await visitor('fetch', 'http://my-app.home/watch')
  const film = /<source src="([^"]+)"/.exec(page.stdout)?.[1] ?? 'no film on the page'
  const [tcp, rudp] = [await visitor('fetch', `http://my-app.home${film}`), await visitor('fetch', `rudp://my-app.home${film}`)]
  const sha256 = ({ body }: Finished) => createHash('sha256').update(body).digest('hex')
  expect(tcp.body.length).toBeGreaterThan(50_000)
  expect(sha256(rudp)).toBe(sha256(tcp))
})

test('an answer is sent from the address that was queried', async () => {
  const { status, stdout } = await visitor('resolve', 'my-app.home', '--dns', '10.77.0.1', '--json')
  expect(status).toBe(0)
  expect(JSON.parse(stdout)).toMatchObject({ server: '10.77.0.1:53' })
})
