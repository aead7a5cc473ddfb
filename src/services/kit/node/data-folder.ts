/** Where Hamlet stores its data: the folder that Electron calls userData, found without Electron. */
import { access, constants } from 'node:fs/promises'
import { homedir, userInfo } from 'node:os'
import { isAbsolute, posix, win32 } from 'node:path'
import { HamletError } from '../errors.ts'
import { errnoOf, reasonOf } from './disk.ts'
import { makeFolder } from './make-folder.ts'

const PRODUCT_NAME = 'Hamlet'

/**
 * @param platform as in `process.platform`
 * @param home returns the user's home folder; called only if needed
 * @returns the same path as Electron's `app.getPath('userData')`, absolute if the environment's paths are
 */
export function userDataFolder(platform: string, environment: Readonly<Record<string, string | undefined>>, home: () => string): string {
  switch (platform) {
    case 'win32': return win32.join(given(environment.APPDATA) ?? win32.join(home(), 'AppData', 'Roaming'), PRODUCT_NAME)
    case 'darwin': return posix.join(home(), 'Library', 'Application Support', PRODUCT_NAME)
    default: return posix.join(given(environment.XDG_CONFIG_HOME) ?? posix.join(home(), '.config'), PRODUCT_NAME)
  }
}

/**
 * The user's home folder: from the environment, or else from the system's user database. An empty or relative `HOME` is ignored: the data
 * would be stored in whatever folder Hamlet happens to be started from.
 * @throws HamletError folder-missing
 */
export function homeFolder(sources: readonly (() => string)[] = [homedir, () => userInfo().homedir]): string {
  const home = sources.map(resultOf).find(isAbsolute)
  if (home !== undefined) return home
  throw new HamletError({
    code: 'folder-missing', what: 'no place for the data folder was found', why: 'HOME is not set, and the system knows no home folder of this user', remedy: 'choose a folder with --data',
  })
}

/** Node throws for a user who is not in the database. */
function resultOf(source: () => string): string {
  try {
    return source()
  } catch {
    return ''
  }
}

/**
 * Creates the folder if it is missing, and checks that it is writable.
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

/** The error for a data folder that the system refuses. */
export function folderError(folder: string, error: unknown): HamletError {
  return new HamletError({
    code: 'folder-missing', what: `the data folder ${folder} cannot be used`, why: errnoOf(error) === 'ENOENT' ? 'the system allows no folder there' : reasonOf(error), remedy: 'choose another folder with --data', proof: `${errnoOf(error)} ${folder}`.trim(),
  }, { cause: error })
}

/** An empty variable counts as unset (XDG Base Directory Specification). */
function given(value: string | undefined): string | undefined {
  return value === '' ? undefined : value
}
