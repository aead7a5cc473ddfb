/** Saves a file where the user chooses. The window's page never names a path; it only requests the dialog. */
import { dialog, type BrowserWindow } from 'electron'
import { writeFile } from 'node:fs/promises'
import { HamletError } from '../services/kit/errors.ts'

export interface FileToSave {
  readonly title: string
  /** Suggested in the dialog. */
  readonly fileName: string
  /** Name of the file type, and its extension without the dot. */
  readonly kind: string
  readonly extension: string
}

/**
 * @param content called only after the user has chosen a path
 * @returns the path; undefined if the user canceled
 * @throws HamletError disk-failed; whatever `content` throws
 */
export async function saveFile(window: BrowserWindow, { title, fileName, kind, extension }: FileToSave, content: () => Promise<string | Uint8Array>): Promise<string | undefined> {
  const { filePath } = await dialog.showSaveDialog(window, { title, defaultPath: fileName, filters: [{ name: kind, extensions: [extension] }] })
  if (filePath === undefined || filePath === '') return undefined
  const written = await content()
  try {
    await writeFile(filePath, written)
  } catch (error) {
    throw new HamletError({ code: 'disk-failed', what: `${filePath} could not be written`, why: error instanceof Error ? error.message : String(error), remedy: 'choose another place' }, { cause: error })
  }
  return filePath
}
