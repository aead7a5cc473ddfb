/** Whatever a test makes below `tmpdir()` stands in one folder, and is gone when the run is over, however it ends. */
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Vitest runs this before the first test, and what it returns after the last one. The processes of the tests inherit the environment. */
export default function temporaryFolder(): () => void {
  const folder = mkdtempSync(join(tmpdir(), 'hamlet-tests-'))
  // Some tests start servers as another user, who has to get through to his own folder.
  chmodSync(folder, 0o755)
  process.env['TMPDIR'] = folder
  return () => rmSync(folder, { recursive: true, force: true })
}
