/** A folder with all that is missing above it. */
import { mkdir, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { errnoOf } from './disk.ts'

/**
 * Makes `folder` where it is missing. Level by level: node's own `recursive` never returns where a folder is there and the system
 * says of one in it that it is not (ENOENT in /proc).
 * @throws what node:fs throws: EEXIST where a file is in the way, EACCES, ENOENT …
 */
export async function makeFolder(folder: string): Promise<void> {
  try {
    await makeOne(folder)
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT' || dirname(folder) === folder) throw error
    await makeFolder(dirname(folder))
    await makeOne(folder)
  }
}

async function makeOne(folder: string): Promise<void> {
  try {
    await mkdir(folder)
  } catch (error) {
    const isThere = await stat(folder).then(stats => stats.isDirectory(), () => false)
    if (!isThere) throw error
  }
}
