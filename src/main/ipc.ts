/** The only place that speaks Electron's IPC: every question is checked for its sender and its shape before it is answered. */
import { ipcMain, type BrowserWindow, type IpcMainInvokeEvent } from 'electron'
import { channels, type Channels, type Pushed, type Pushes, type Reply } from '../preload/contract.ts'
import type { z } from 'zod'
import { partsOf, UsageError } from '../services/kit/errors.ts'
import { isShellUrl } from './shell-page.ts'

export type Handlers = { readonly [Channel in keyof Channels]: (ask: z.output<Channels[Channel]['ask']>, event: IpcMainInvokeEvent) => Promise<Reply<Channel>> }

/** Answers the window's questions with `handlers`; errors come back as `{ error }` in five parts. */
export function answerWindow(handlers: Handlers): void {
  for (const channel of Object.keys(channels) as (keyof Channels)[]) { // the keys of that very object
    ipcMain.handle(channel, async (event, unchecked: unknown) => {
      try {
        if (event.senderFrame === null || !isShellUrl(event.senderFrame.url)) throw new UsageError(`"${channel}" was refused`, 'only the window itself may ask', 'ask from the window')
        const ask = channels[channel].ask.safeParse(unchecked)
        if (!ask.success) throw new UsageError(`"${channel}" could not be asked`, ask.error.issues[0]?.message ?? 'the question does not fit', 'correct it and ask again')
        // `ask` was parsed by the schema of this channel; TypeScript cannot join the two unions.
        const handler = handlers[channel] as (ask: unknown, event: IpcMainInvokeEvent) => Promise<unknown>
        return await handler(ask.data, event)
      } catch (error) {
        return { error: partsOf(error) }
      }
    })
  }
}

/** Tells the window something; a window that is gone is told nothing. */
export function pushTo<Channel extends keyof Pushes>(window: BrowserWindow | undefined, channel: Channel, pushed: Pushed<Channel>): void {
  if (window !== undefined && !window.isDestroyed() && !window.webContents.isDestroyed()) window.webContents.send(channel, pushed)
}
