/** Paths in a checkout. No dependencies: this runs before any package is installed. */
import { existsSync, readFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = fileURLToPath(new URL('../../', import.meta.url))
export const cache = join(root, '.cache')
export const nodeModules = join(root, 'node_modules')

/** The absolute path of a file in the checkout. */
export const at = (...parts) => join(root, ...parts)

export const readJson = file => JSON.parse(readFileSync(file, 'utf8'))

/** The Node that the project's tools run on: the pinned one if it is installed, else this one. */
export function nodeBinary() {
  const pinned = join(nodeModules, 'node', 'bin', process.platform === 'win32' ? 'node.exe' : 'node')
  return existsSync(pinned) ? pinned : process.execPath
}

/** The path of a program, or undefined. Also searches the sbin folders, which an ordinary user's PATH leaves out. */
export function which(program) {
  const suffix = process.platform === 'win32' ? '.exe' : ''
  const folders = [...(process.env.PATH ?? '').split(delimiter), ...(process.platform === 'win32' ? [] : ['/usr/local/sbin', '/usr/sbin', '/sbin'])]
  return folders.filter(folder => folder !== '').map(folder => join(folder, program + suffix)).find(existsSync)
}
