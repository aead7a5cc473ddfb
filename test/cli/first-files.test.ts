/** The files that the first run creates, a hardware address and a key, on disks with limits. */
import { readdirSync } from 'node:fs'
import { afterEach, expect, test } from 'vitest'
import { emptyFolder, runHamlet, RunningHamlet, type Where } from '../support/hamlet.ts'

const running: RunningHamlet[] = []
afterEach(async () => { for (const hamlet of running.splice(0)) await hamlet.stop('SIGKILL') })

/** Makes these system calls fail. */
const broken = (calls: string, error: string): Where => ({ runtime: ['strace', '-D', '-f', '-o', '/dev/null', '-e', `trace=${calls}`, '-e', `inject=${calls}:error=${error}`, process.execPath] })
const LEASE = ['lease', '--dhcp', '127.0.0.1:9']
const SERVER = ['server', '--tcp_port', '0', '--udp_port', '0', '--site', import.meta.dirname, '--encryption', 'required']

test('they are created even on a file system without links, such as FAT', async () => {
  const [client, host] = [emptyFolder(), emptyFolder()]
  expect((await runHamlet([...LEASE, '--data', client], broken('link,linkat', 'EPERM'))).stderr).not.toContain('stored')
  expect(readdirSync(client)).toEqual(['mac'])
  const server = new RunningHamlet([...SERVER, '--data', host], broken('link,linkat', 'EPERM'))
  running.push(server)
  await server.line(/identity is x25519/, 'stderr')
  expect(readdirSync(host)).toContain('rudp.key')
})

test.each([{ command: LEASE, what: 'the hardware address for DHCP' }, { command: SERVER, what: 'the identity of this server' }])(
  'on a full disk $what is not created, leaves nothing behind, and one line says so', async ({ command, what }) => {
    const folder = emptyFolder()
    const { status, stderr } = await runHamlet([...command, '--data', folder], broken('fsync', 'ENOSPC'))
    expect(stderr).toMatch(new RegExp(`^hamlet: ${what} could not be stored: the disk is full\\. [A-Z][^\\n]+\\n$`))
    expect([status, readdirSync(folder)]).toEqual([1, []])
  })
