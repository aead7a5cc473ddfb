/** How long hamlet dhcp takes to be ready again with many leases in its journal. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import { at } from '../../scripts/setup/places.mjs'

const TICKS_PER_SECOND = 100
const FIRST = 0x0a000100

/** @returns {Promise<{ seconds: number, cpuSeconds: number }>} from the start of the process until it serves */
export async function restart(folder, leases) {
  mkdirSync(folder)
  writeFileSync(join(folder, 'leases.jsonl'), journalOf(leases))
  const startedAt = performance.now()
  const child = spawn(process.execPath, [at('.vite/build/hamlet.cjs'), 'dhcp', '--host', '127.0.0.1', '--port', '0', '--pool', `${dotted(FIRST)}-${dotted(FIRST + leases - 1)}`, '--no_names', '--data', folder], { stdio: ['ignore', 'pipe', 'pipe'] })
  let words = ''
  await new Promise((resolve, reject) => {
    for (const stream of [child.stdout, child.stderr]) stream.on('data', chunk => {
      words += chunk
      if (/Server is running on port/.test(words)) resolve()
    })
    child.once('close', () => reject(new Error(`hamlet dhcp ended: ${words}`)))
  })
  const seconds = (performance.now() - startedAt) / 1000
  const fields = readFileSync(`/proc/${child.pid}/stat`, 'utf8').split(') ')[1].split(' ')
  child.kill('SIGTERM')
  await once(child, 'close')
  return { seconds, cpuSeconds: (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND }
}

/** As kit/node/journal-lines.ts writes it. */
function journalOf(leases) {
  const expiresAtMs = Date.now() + 3_600_000
  const records = Array.from({ length: leases }, (_, index) => {
    const mac = Buffer.from([2, 0, index >>> 24, index >>> 16, index >>> 8, index])
    return { yiaddr: dotted(FIRST + index), state: 'leased', key: `01${mac.toString('hex')}`, mac: mac.toString('hex').match(/../g).join(':'), hostName: `host-${index}`, expiresAtMs: expiresAtMs + index }
  })
  return [{ v: 1, created: new Date().toISOString() }, ...records].map((value, number) => {
    const content = `${number} ${JSON.stringify(value)}`
    return `${content} ${crc32(content).toString(16).padStart(8, '0')}\n`
  }).join('')
}

function dotted(address) {
  return [24, 16, 8, 0].map(shift => (address >>> shift) & 255).join('.')
}
