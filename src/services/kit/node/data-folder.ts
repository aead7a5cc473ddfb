/** Where Hamlet keeps what it must not forget: the folder that Electron calls userData, found without Electron. */
import { posix, win32 } from 'node:path'

const PRODUCT_NAME = 'Hamlet'

/**
 * @param platform as in `process.platform`
 * @param home the person's home folder
 * @returns an absolute path (as far as the environment's are), the same as Electron's `app.getPath('userData')`
 */
export function userDataFolder(platform: string, environment: Readonly<Record<string, string | undefined>>, home: string): string {
  switch (platform) {
    case 'win32': return win32.join(given(environment.APPDATA) ?? win32.join(home, 'AppData', 'Roaming'), PRODUCT_NAME)
    case 'darwin': return posix.join(home, 'Library', 'Application Support', PRODUCT_NAME)
    default: return posix.join(given(environment.XDG_CONFIG_HOME) ?? posix.join(home, '.config'), PRODUCT_NAME)
  }
}

/** An empty variable counts as none (XDG Base Directory Specification). */
function given(value: string | undefined): string | undefined {
  return value === '' ? undefined : value
}
