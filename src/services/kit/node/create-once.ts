/** A file that is created once and never changes, such as a key. If several processes create it at the same time, one wins and all use its file. */
import { randomBytes } from 'node:crypto'
import { link, open, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { errnoOf, nodeDisk } from './disk.ts'

/** FAT and some network shares have no hard links. There the last of several concurrent processes wins. */
const WITHOUT_LINKS = ['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS']

/**
 * Returns when the file exists and is durable: this one, or an earlier one.
 * @param mode its permissions, before the umask
 * @throws what node:fs throws, leaving no temporary file behind
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
    // Creating a link is atomic, and never replaces a file that another process has created in the meantime.
    await link(mine, path).catch((error: unknown) => {
      if (WITHOUT_LINKS.includes(errnoOf(error))) return rename(mine, path)
      if (errnoOf(error) !== 'EEXIST') throw error
    })
  } finally {
    await rm(mine, { force: true })
  }
  await nodeDisk.syncFolder(dirname(path))
}
