/** Saves what is shown as a PDF. A PDF, not a print job: it also works on a computer without a printer. */
import type { BrowserWindow, WebContents } from 'electron'
import { saveFile } from './save-file.ts'

/** @returns the path; undefined if the user canceled */
export function savePdf(window: BrowserWindow, contents: WebContents): Promise<string | undefined> {
  const name = contents === window.webContents ? 'hamlet' : new URL(contents.getURL()).hostname
  return saveFile(window, { title: 'Save as PDF', fileName: `${name}.pdf`, kind: 'PDF', extension: 'pdf' }, () => contents.printToPDF({ printBackground: true, pageSize: 'A4' }))
}
