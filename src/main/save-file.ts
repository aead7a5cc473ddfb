/** Saves a file where the person says: the window never names a path, it only asks. */
import { dialog, type BrowserWindow } from 'electron'
import { writeFile } from 'node:fs/promises'
import { HamletError } from '../services/kit/errors.ts'

export interface FileToSave {
  readonly title: string
  /** Proposed. */
  readonly fileName: string
  /** What such files are called, and their ending without the dot. */
  readonly kind: string
  readonly ending: string
}

/**
 * @param content is asked for only once the person has said where
 * @returns the path; undefined where the person called it off
 * @throws HamletError disk-failed; whatever `content` throws
 */
export async function saveFile(window: BrowserWindow, { title, fileName, kind, ending }: FileToSave, content: () => Promise<string | Uint8Array>): Promise<string | undefined> {
  const { filePath } = await dialog.showSaveDialog(window, { title, defaultPath: fileName, filters: [{ name: kind, extensions: [ending] }] })
  if (filePath === undefined || filePath === '') return undefined
  const written = await content()
  try {
    await writeFile(filePath, written)
  } catch (error) {
    throw new HamletError({ code: 'disk-failed', what: `${filePath} could not be written`, why: error instanceof Error ? error.message : String(error), remedy: 'choose another place' }, { cause: error })
  }
  return filePath
}
