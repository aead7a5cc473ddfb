/** What is shown, as a PDF. From there it comes to paper by any program, also where this computer knows no printer. */
import type { BrowserWindow, WebContents } from 'electron'
import { saveFile } from './save-file.ts'

/** @returns the path; undefined where the person called it off */
export function savePdf(window: BrowserWindow, contents: WebContents): Promise<string | undefined> {
  const name = contents === window.webContents ? 'hamlet' : new URL(contents.getURL()).hostname
  return saveFile(window, { title: 'Save as PDF', fileName: `${name}.pdf`, kind: 'PDF', ending: 'pdf' }, () => contents.printToPDF({ printBackground: true, pageSize: 'A4' }))
}
