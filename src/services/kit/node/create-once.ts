/** A file that is made once and stays as it is, such as a key. Where several processes make it at the same time, one of them does, and it is that one's for all. */
import { randomBytes } from 'node:crypto'
import { link, open, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { errnoOf, nodeDisk } from './disk.ts'

/** FAT and some network shares have no links. There the last of those who come at the same time makes it. */
const WITHOUT_LINKS = ['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS']

/**
 * Returns when there is such a file, safe on disk: this one, or another that was there.
 * @param mode its permissions, as far as the umask leaves them
 * @throws what node:fs throws; nothing is left beside it then
 */
export async function createOnce(path: string, content: string, mode = 0o666): Promise<void> {
  const mine = `${path}.${randomBytes(8).toString('hex')}`
  try {
    const file = await open(mine, 'wx', mode)
    try {
      await file.writeFile(content)
      await file.sync()
    } finally {
      await file.close()
    }
    // A link is made whole or not at all, and never over a file that another process made meanwhile.
    await link(mine, path).catch((error: unknown) => {
      if (WITHOUT_LINKS.includes(errnoOf(error))) return rename(mine, path)
      if (errnoOf(error) !== 'EEXIST') throw error
    })
  } finally {
    await rm(mine, { force: true })
  }
  await nodeDisk.syncFolder(dirname(path))
}
