/** Keeps everything that tests create below `tmpdir()` in one folder, which is removed when the run is over. */
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Vitest calls this before the first test, and the returned function after the last one. Test processes inherit the environment. */
export default function temporaryFolder(): () => void {
  const folder = mkdtempSync(join(tmpdir(), 'hamlet-tests-'))
  // Some tests start servers as another user, who must be able to reach a folder inside this one.
  chmodSync(folder, 0o755)
  process.env['TMPDIR'] = folder
  return () => rmSync(folder, { recursive: true, force: true })
}
