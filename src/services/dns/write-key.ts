/**
 * Writes key files (keys-file.ts): adds a key to the file that the
 * server reads, or writes it alone to a file for another machine.
 */
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
/** A writer holds the lock for some milliseconds. Many may wait; if one hangs, the others fail after 10 s. */
const TURN_EVERY_MS = 20
const TURN_ATTEMPTS_MAX = 500

/**
 * Adds a key to a file, creating the file if necessary; a key of that name already there stays. Returns when that is durable.
 * @throws HamletError disk-failed, folder-missing or file-damaged; refused if the file is full. The file is then unchanged
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
 * Writes a file with only this key. An existing file is replaced only if it holds nothing but an older key of that name.
 * @throws UsageError if it holds anything else (see checkHoldsOnly); HamletError disk-failed. The file is then unchanged
 */
export async function writeKeyAlone(path: string, key: TsigKey): Promise<void> {
  await checkHoldsOnly(path, key.name)
  await replaceForOwner(path, formatKey(key))
}

/** @throws UsageError if a file holds anything but a key of that name; HamletError disk-failed */
export async function checkHoldsOnly(path: string, name: string): Promise<void> {
  if (await holdsOnly(path, name)) return
  throw new UsageError(`${path} cannot be overwritten`, `it holds something other than the key "${name}"`, 'choose a new file, or delete that one')
}

async function holdsOnly(path: string, name: string): Promise<boolean> {
  try {
    return [...parseKeys(await readKeysText(path) ?? '').keys()].every(each => each === nameKey(name))
  } catch (error) {
    if (error instanceof HamletError && error.code === 'file-damaged') return false
    throw error
  }
}

/** Serializes programs that add keys at the same time, so that none is lost. */
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

/** Checks that the new text can be read back. @throws HamletError refused */
function checkTakes(text: string, { name }: TsigKey, fileName: string): void {
  try {
    parseKeys(text, fileName)
  } catch (error) {
    throw new HamletError({ code: 'refused', what: `the key "${name}" could not be added to ${fileName}`, why: partsOf(error).why, done: 'the file is unchanged', remedy: 'remove unused keys' }, { cause: error })
  }
}

/**
 * Atomically replaces a file with one that only its owner can read.
 * @param owner who owns it, if the superuser writes it: a server running as another user must be able to read it
 */
async function replaceForOwner(path: string, text: string, owner?: Stats): Promise<void> {
  const mine = `${path}.${randomBytes(8).toString('hex')}`
  try {
    await makeFolder(dirname(path))
    const file = await open(mine, 'wx', OWNER_ONLY)
    try {
      if (owner !== undefined) await file.chown(owner.uid, owner.gid).catch((error: unknown) => {
        if (errnoOf(error) !== 'EPERM') throw error // Only the superuser can change a file's owner; otherwise we own it.
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
