/** Main's only use of ipcMain: the sender and the shape of every request are checked before it is handled. */
import { ipcMain, type BrowserWindow, type IpcMainInvokeEvent } from 'electron'
import { channels, type Channels, type Pushed, type Pushes, type Reply } from '../preload/contract.ts'
import type { z } from 'zod'
import { partsOf, UsageError } from '../services/kit/errors.ts'
import { isShellUrl } from './shell-page.ts'

export type Handlers = { readonly [Channel in keyof Channels]: (ask: z.output<Channels[Channel]['ask']>, event: IpcMainInvokeEvent) => Promise<Reply<Channel>> }

/** Handles the window's requests with `handlers`; errors are returned as `{ error }` in five parts. */
export function answerWindow(handlers: Handlers): void {
  for (const channel of Object.keys(channels) as (keyof Channels)[]) { // Object.keys is typed string[], but these are its keys
    ipcMain.handle(channel, async (event, unchecked: unknown) => {
      try {
        if (event.senderFrame === null || !isShellUrl(event.senderFrame.url)) throw new UsageError(`"${channel}" was refused`, 'only the window may send requests', 'send it from the window')
        const ask = channels[channel].ask.safeParse(unchecked)
        if (!ask.success) throw new UsageError(`"${channel}" was refused`, ask.error.issues[0]?.message ?? 'the request is malformed', 'correct the request and send it again')
        // `ask` was parsed by this channel's schema; TypeScript cannot correlate the two unions.
        const handler = handlers[channel] as (ask: unknown, event: IpcMainInvokeEvent) => Promise<unknown>
        return await handler(ask.data, event)
      } catch (error) {
        return { error: partsOf(error) }
      }
    })
  }
}

/** Sends a push to the window, if it still exists. */
export function pushTo<Channel extends keyof Pushes>(window: BrowserWindow | undefined, channel: Channel, pushed: Pushed<Channel>): void {
  if (window !== undefined && !window.isDestroyed() && !window.webContents.isDestroyed()) window.webContents.send(channel, pushed)
}
