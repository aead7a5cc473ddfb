/** Where Hamlet keeps what it must not forget: the folder that Electron calls userData, found without Electron. */
import { access, constants } from 'node:fs/promises'
import { homedir, userInfo } from 'node:os'
import { isAbsolute, posix, win32 } from 'node:path'
import { HamletError } from '../errors.ts'
import { errnoOf, reasonOf } from './disk.ts'
import { makeFolder } from './make-folder.ts'

const PRODUCT_NAME = 'Hamlet'

/**
 * @param platform as in `process.platform`
 * @param home the person's home folder, where it is needed
 * @returns an absolute path (as far as the environment's are), the same as Electron's `app.getPath('userData')`
 */
export function userDataFolder(platform: string, environment: Readonly<Record<string, string | undefined>>, home: () => string): string {
  switch (platform) {
    case 'win32': return win32.join(given(environment.APPDATA) ?? win32.join(home(), 'AppData', 'Roaming'), PRODUCT_NAME)
    case 'darwin': return posix.join(home(), 'Library', 'Application Support', PRODUCT_NAME)
    default: return posix.join(given(environment.XDG_CONFIG_HOME) ?? posix.join(home(), '.config'), PRODUCT_NAME)
  }
}

/**
 * The person's home folder: what the environment says, else the system's database of users. An empty `HOME`, or one that is no whole path, counts as
 * none: what must not be forgotten would lie in whatever folder Hamlet is started from.
 * @throws HamletError folder-missing
 */
export function homeFolder(sources: readonly (() => string)[] = [homedir, () => userInfo().homedir]): string {
  const home = sources.map(toldBy).find(isAbsolute)
  if (home !== undefined) return home
  throw new HamletError({
    code: 'folder-missing', what: 'there is no place for the data folder', why: 'HOME is not set, and the system knows no home folder of this user', remedy: 'give a folder with --data',
  })
}

/** Of a user that the database does not have Node throws. */
function toldBy(source: () => string): string {
  try {
    return source()
  } catch {
    return ''
  }
}

/**
 * Makes the folder where it is missing, and checks that it may be written.
 * @throws HamletError folder-missing
 */
export async function makeDataFolder(folder: string): Promise<void> {
  try {
    await makeFolder(folder)
    await access(folder, constants.W_OK)
  } catch (error) {
    throw folderError(folder, error)
  }
}

/** A data folder that the system refuses. */
export function folderError(folder: string, error: unknown): HamletError {
  return new HamletError({
    code: 'folder-missing', what: `the data folder ${folder} cannot be used`, why: errnoOf(error) === 'ENOENT' ? 'the system takes no folder there' : reasonOf(error), remedy: 'give another folder with --data', proof: `${errnoOf(error)} ${folder}`.trim(),
  }, { cause: error })
}

/** An empty variable counts as none (XDG Base Directory Specification). */
function given(value: string | undefined): string | undefined {
  return value === '' ? undefined : value
}
