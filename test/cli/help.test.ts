import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { runHamlet } from '../support/hamlet.ts'

test('hamlet without arguments lists its commands, except the internal one', async () => {
  const { status, stdout } = await runHamlet([])
  expect(status).toBe(0)
  for (const name of ['dns', 'dhcp', 'server', 'client', 'resolve', 'lease', 'fetch', 'key', 'up']) expect(stdout).toMatch(new RegExp(`^  hamlet ${name}\\b`, 'm'))
  expect(stdout).not.toContain('service-host')
})

test.each([
  ['dns', ['host', 'port', 'admin_port', 'admin_host', 'upstream', 'forward', 'allow_private', 'upstream_ca', 'plain_letters', 'secondary', 'allow_register', 'local_update', 'data']],
  ['dhcp', ['dns', 'host', 'port', 'interface', 'pool', 'lease', 'data']],
  ['server', ['host', 'tcp_port', 'udp_port', 'dns', 'domain', 'dns_key', 'site', 'encryption', 'data']],
  ['client', ['proxy_port', 'dns', 'dhcp', 'encrypt']],
  ['resolve', ['dns', 'json']],
  ['lease', ['dhcp', 'json']],
  ['fetch', ['dns', 'encrypt', 'key_log', 'output', 'json']],
  ['key', ['output', 'data']],
  ['up', ['local', 'lan', 'config']],
])('hamlet %s --help lists its flags', async (command, flags) => {
  const { status, stdout } = await runHamlet([command, '--help'])
  expect(status).toBe(0)
  for (const flag of flags) expect(stdout).toMatch(new RegExp(`^  --${flag}\\b`, 'm'))
})

test.each([[['-h']], [['help']], [['--help']]])('hamlet %j lists the commands', async args => {
  expect(await runHamlet(args)).toMatchObject({ status: 0, stdout: expect.stringMatching(/^  hamlet fetch\b/m) })
})

test.each([[['fetch', '-h']], [['help', 'fetch']], [['fetch', 'http://127.0.0.1:9/', '--help']]])('hamlet %j shows the help of that command', async args => {
  expect(await runHamlet(args)).toMatchObject({ status: 0, stdout: expect.stringMatching(/^Usage: hamlet fetch URL /m) })
})

test('hamlet --version prints the version in package.json', async () => {
  const { version } = JSON.parse(readFileSync(join(import.meta.dirname, '..', '..', 'package.json'), 'utf8'))
  expect(await runHamlet(['--version'])).toMatchObject({ status: 0, stdout: `hamlet ${version}\n`, stderr: '' })
})

test.each([
  [['nonsense'], '"nonsense" is not a command'],
  [['dns', '--prot', '53'], '--prot is not a flag of "hamlet dns"'],
  [['fetsh'], 'Try "hamlet fetch"'],
  [['server', '--tpc_port', '80'], 'Try --tcp_port'],
  [['dns', '--port', 'high'], '--port cannot be "high"'],
  [['dns', '--port', '70000'], '--port cannot be 70000'],
  [['dns', '--host', 'localhost'], '--host cannot be "localhost"'],
  [['dhcp', '--pool', '192.0.2.1'], '--pool cannot be "192.0.2.1"'],
  [['resolve'], 'NAME is missing'],
  [['resolve', 'b\u00fccher.example', '--dns', '127.0.0.1:9'], '"b\u00fccher.example" cannot be looked up: it is not ASCII'],
  [['key', 'a..b'], 'a label is empty'],
  [['key', 'my"key'], '"my"key" cannot be the name of a key'],
  [['key', 'b\u00fccher'], 'cannot be the name of a key'],
  [['key', '.'], '"." cannot be the name of a key'],
  [['dns', '--allow_register', '192.168.1.0/33'], '--allow_register cannot be ["192.168.1.0/33"]'],
  [['dns', '--secondary', 'ns.example.org'], '--secondary cannot be ["ns.example.org"]'],
  [['fetch', 'ftp://example.org/'], 'ftp'],
  [['server', '--site', ''], '--site cannot be "": it is empty'],
  [['up', '--data', ''], '--data cannot be "": it is empty'],
  [['fetch', 'http://127.0.0.1:9/', '--output='], '--output cannot be "": it is empty'],
  [['up', '--local', '--lan'], '--local and --lan cannot be combined'],
])('hamlet %j is refused with status 2 and one clear line', async (args, line) => {
  const { status, stdout, stderr } = await runHamlet(args)
  expect(status).toBe(2)
  expect(stdout).toBe('')
  expect(stderr).toContain(line)
  expect(stderr).toMatch(/^hamlet: [^\n]+: [^\n]+\. [A-Z][^\n]+\n$/)
})

test.each([
  { args: ['dns', '--prot', '53', '--json'], status: 2, error: { code: 'usage', what: '--prot is not a flag of "hamlet dns"' } },
  { args: ['nonsense', '--json'], status: 2, error: { code: 'usage', what: '"nonsense" is not a command' } },
  { args: ['server', '--site', '/nothing/here', '--tcp_port', '0', '--data', '/dev/null', '--json'], status: 1, error: { code: 'folder-missing', proof: 'EEXIST /dev/null' } },
  { args: ['fetch', 'http://127.0.0.1:9/', '--json'], status: 1, error: { code: 'connection-refused' } },
  { args: ['fetch', 'http://my-app.home/', '--dns', '127.0.0.1:9', '--json'], status: 1, error: { code: 'upstream-unreachable' } },
  { args: ['resolve', 'my-app.home', '--dns', '127.0.0.1:9', '--json'], status: 1, error: { code: 'upstream-unreachable' } },
  { args: ['lease', '--dhcp', '127.0.0.1:9', '--data', '/dev/null', '--json'], status: 1, error: { code: 'folder-missing' } },
])('hamlet $args prints its error as JSON', async ({ args, status, error }) => {
  const finished = await runHamlet(args)
  expect([finished.status, finished.stdout, finished.stderr.trim().split('\n').length]).toEqual([status, '', 1])
  expect(JSON.parse(finished.stderr)).toEqual({ error: expect.objectContaining({ why: expect.any(String), remedy: expect.any(String), ...error }) })
})
