/** Measures how long `hamlet dhcp` takes to start with many leases in its journal. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { at } from '../../scripts/setup/places.mjs'
import { addressAt, writeHamletLeases } from './leases.mjs'

const TICKS_PER_SECOND = 100
const FIRST = '10.0.1.0'

/** @returns {Promise<{ seconds: number, cpuSeconds: number }>} from the start of the process until it is ready */
export async function restart(folder, leases) {
  mkdirSync(folder)
  writeHamletLeases(join(folder, 'leases.jsonl'), FIRST, leases)
  const startedAt = performance.now()
  const child = spawn(process.execPath, [at('.vite/build/hamlet.cjs'), 'dhcp', '--host', '127.0.0.1', '--port', '0', '--pool', `${FIRST}-${addressAt(FIRST, leases - 1)}`, '--no_names', '--data', folder], { stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  await new Promise((resolve, reject) => {
    for (const stream of [child.stdout, child.stderr]) stream.on('data', chunk => {
      output += chunk
      if (/Server is running on port/.test(output)) resolve()
    })
    child.once('close', () => reject(new Error(`hamlet dhcp ended: ${output}`)))
  })
  const seconds = (performance.now() - startedAt) / 1000
  const fields = readFileSync(`/proc/${child.pid}/stat`, 'utf8').split(') ')[1].split(' ')
  child.kill('SIGTERM')
  await once(child, 'close')
  return { seconds, cpuSeconds: (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND }
}
