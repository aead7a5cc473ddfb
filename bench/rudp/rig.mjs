/** Everything that a measurement needs: programs, served files, networks and processes. Whatever is open is closed at the end. */
import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Network } from './network.mjs'
import { Running } from './processes.mjs'
import { compileLink } from './programs.mjs'

/** The served files, by name: `endless` is more than any measurement takes. */
export const FILE_BYTES = { page: 30_000, file: 10_000_000, gigabyte: 1e9, endless: 16e9 }

export class Rig {
  #linkProgram
  #networks = new Set()
  #processes = new Set()
  /** In memory if possible. */
  folder = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'hamlet-bench-'))
  /** The served folder. */
  site = join(this.folder, 'site')
  /** The content of `file`; the other files are sparse and take no memory. */
  file = randomBytes(FILE_BYTES.file)

  async prepare() {
    this.#linkProgram = await compileLink()
    mkdirSync(this.site)
    for (const [name, bytes] of Object.entries(FILE_BYTES)) {
      writeFileSync(join(this.site, name), '')
      truncateSync(join(this.site, name), bytes)
    }
    writeFileSync(join(this.site, 'file'), this.file)
  }

  /** Opens a fresh network, so that no packet of an earlier measurement, and nothing the kernel remembers of it, is left. */
  async openNetwork() {
    const network = new Network()
    this.#networks.add(network)
    await network.open(this.#linkProgram)
    return network
  }

  closeNetwork(network) {
    network.close()
    this.#networks.delete(network)
  }

  start(argv, stdout, env) {
    const running = new Running(argv, stdout, env)
    this.#processes.add(running)
    return running
  }

  /** Ends whatever still runs, as after a failed measurement. */
  async tidy() {
    await Promise.all([...this.#processes].map(running => running.stop()))
    this.#processes.clear()
    for (const network of [...this.#networks]) this.closeNetwork(network)
  }

  /** Synchronous, for use on exit. Processes end with this one. */
  close() {
    for (const network of this.#networks) network.close()
    rmSync(this.folder, { recursive: true, force: true })
  }
}
