/** Creates a folder and its missing parents. */
import { mkdir, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { errnoOf } from './disk.ts'

/**
 * Creates `folder` if it is missing, level by level: node's own `recursive` never returns if a folder exists and the system answers ENOENT
 * for one inside it (as in /proc).
 * @throws what node:fs throws: EEXIST if a file is in the way, EACCES, ENOENT …
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
