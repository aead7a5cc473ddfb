/** Writes keys into files (keys-file.ts): into the one that the server reads, beside those that are there; and alone, to be carried away. */
import { randomBytes } from 'node:crypto'
import type { Stats } from 'node:fs'
import { open, stat, unlink } from 'node:fs/promises'
import { basename, dirname } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { HamletError, partsOf, UsageError } from '../kit/errors.ts'
import { makeDataFolder } from '../kit/node/data-folder.ts'
import { diskError, errnoOf, nodeDisk } from '../kit/node/disk.ts'
import { lockFolder, type FolderLock } from '../kit/node/folder-lock.ts'
import { makeFolder } from '../kit/node/make-folder.ts'
import type { TsigKey } from './core/admin/tsig.ts'
import { formatKey, parseKeys, readKeysText } from './keys-file.ts'
import { nameKey } from './wire/name.ts'

const OWNER_ONLY = 0o600
/** Who writes holds the file for some milliseconds: many may wait, and one that hangs is told of after 10 s. */
const TURN_EVERY_MS = 20
const TURN_ATTEMPTS_MAX = 500

/**
 * Puts a key into a file, which is made where there is none; a key that is there already stays. Returns when that is safe on disk.
 * @throws HamletError disk-failed, folder-missing or file-damaged; refused where the file takes no more. Then it is as it was
 */
export async function addKey(path: string, key: TsigKey): Promise<'added' | 'there'> {
  await makeDataFolder(dirname(path))
  const lock = await takeTurn(dirname(path))
  try {
    const there = await readKeysText(path)
    const text = there ?? ''
    if (parseKeys(text, basename(path)).has(nameKey(key.name))) return 'there'
    const longer = text === '' || text.endsWith('\n') ? text + formatKey(key) : `${text}\n${formatKey(key)}`
    checkTakes(longer, key, basename(path))
    await replaceForOwner(path, longer, await stat(there === undefined ? dirname(path) : path))
    return 'added'
  } finally {
    await lock.release()
  }
}

/**
 * Writes a key alone into a file. One that is there may hold an older key of that name, and nothing else.
 * @throws UsageError where it does (see checkHoldsOnly); HamletError disk-failed. Then the file is as it was
 */
export async function writeKeyAlone(path: string, key: TsigKey): Promise<void> {
  await checkHoldsOnly(path, key.name)
  await replaceForOwner(path, formatKey(key))
}

/** @throws UsageError where a file holds something else than a key of that name; HamletError disk-failed */
export async function checkHoldsOnly(path: string, name: string): Promise<void> {
  if (await holdsOnly(path, name)) return
  throw new UsageError(`${path} cannot be written over`, `it holds something else than the key "${name}"`, 'choose a new file, or remove that one')
}

async function holdsOnly(path: string, name: string): Promise<boolean> {
  try {
    return [...parseKeys(await readKeysText(path) ?? '').keys()].every(each => each === nameKey(name))
  } catch (error) {
    if (error instanceof HamletError && error.code === 'file-damaged') return false
    throw error
  }
}

/** Other programs add a key each at the same time: they take turns, so that none is lost. */
async function takeTurn(folder: string): Promise<FolderLock> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await lockFolder(folder, 'keys')
    } catch (error) {
      if (!(error instanceof HamletError) || error.code !== 'folder-locked' || attempt === TURN_ATTEMPTS_MAX) throw error
    }
    await sleep(TURN_EVERY_MS)
  }
}

/** What is written must be read again. @throws HamletError refused */
function checkTakes(text: string, { name }: TsigKey, fileName: string): void {
  try {
    parseKeys(text, fileName)
  } catch (error) {
    throw new HamletError({ code: 'refused', what: `the key "${name}" could not be added to ${fileName}`, why: partsOf(error).why, done: 'the file is as it was', remedy: 'take out keys that nobody uses' }, { cause: error })
  }
}

/**
 * Replaces a file in one step by one that nobody but the owner may read.
 * @param owner whose it is, where the superuser writes it: a server that runs as another user has to read it
 */
async function replaceForOwner(path: string, text: string, owner?: Stats): Promise<void> {
  const mine = `${path}.${randomBytes(8).toString('hex')}`
  try {
    await makeFolder(dirname(path))
    const file = await open(mine, 'wx', OWNER_ONLY)
    try {
      if (owner !== undefined) await file.chown(owner.uid, owner.gid).catch((error: unknown) => {
        if (errnoOf(error) !== 'EPERM') throw error // Only the superuser gives files away: it is ours then.
      })
      await file.writeFile(text, 'latin1')
      await file.sync()
    } finally {
      await file.close()
    }
    await nodeDisk.rename(mine, path)
    await nodeDisk.syncFolder(dirname(path))
  } catch (error) {
    await unlink(mine).catch(() => undefined)
    throw diskError(error, path, `${basename(path)} could not be written`)
  }
}
