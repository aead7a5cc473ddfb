/** The context menu: in a page the usual entries of a browser; in the window's own fields cut, copy and paste. */
import { clipboard, Menu, type ContextMenuParams, type MenuItemConstructorOptions, type WebContents } from 'electron'
import type { Shortcut } from '../preload/contract.ts'
import { canGo } from './electron-compat.ts'

type Items = readonly MenuItemConstructorOptions[]

/**
 * Shows the menu on every right click in these contents.
 * @param perform carries out a page's shortcuts; omit it for the window's own contents
 */
export function offerContextMenu(contents: WebContents, perform?: (shortcut: Shortcut) => void): void {
  contents.on('context-menu', (_event, clicked) => {
    const ofPage = perform === undefined ? [] : [linkItems(clicked), pageItems(contents, clicked, perform)]
    const groups = [...ofPage, textItems(contents, clicked, perform !== undefined)].filter(items => items.length > 0)
    if (groups.length === 0) return
    Menu.buildFromTemplate(groups.flatMap((items, index) => index === 0 ? items : [{ type: 'separator' }, ...items])).popup()
  })
}

function linkItems({ linkURL }: ContextMenuParams): Items {
  return linkURL === '' ? [] : [{ label: 'Copy link address', click: () => { void clipboard.writeText(linkURL) } }]
}

/** Entries about the page, unless the click was on a link, selected text or a field. */
function pageItems(contents: WebContents, { linkURL, selectionText, isEditable }: ContextMenuParams, perform: (shortcut: Shortcut) => void): Items {
  if (linkURL !== '' || selectionText !== '' || isEditable) return []
  const { back, forward } = canGo(contents)
  return [
    { label: 'Back', enabled: back, click: () => perform('back') },
    { label: 'Forward', enabled: forward, click: () => perform('forward') },
    { label: 'Reload', click: () => perform('reload') },
    { label: 'Save as PDF…', click: () => perform('print') },
  ]
}

function textItems(contents: WebContents, { isEditable, selectionText, editFlags }: ContextMenuParams, isPage: boolean): Items {
  const item = (label: string, enabled: boolean, act: () => void): MenuItemConstructorOptions =>
    ({ label, enabled, click: () => { if (!contents.isDestroyed()) act() } })
  return [
    ...isEditable ? [item('Cut', editFlags.canCut, () => contents.cut())] : [],
    ...isEditable || selectionText !== '' ? [item('Copy', editFlags.canCopy, () => contents.copy())] : [],
    ...isEditable ? [item('Paste', editFlags.canPaste, () => contents.paste())] : [],
    ...isEditable || isPage ? [item('Select all', editFlags.canSelectAll, () => contents.selectAll())] : [],
  ]
}
