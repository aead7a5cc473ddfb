/// <reference lib="dom" />
/** Exposes the bridge as `window.hamlet`: the channels of contract.ts and nothing else of Electron. */
import { contextBridge, ipcRenderer } from 'electron'
import { channels, pushes, type Bridge } from './contract.ts'

const bridge: Bridge = {
  invoke(channel, ask) {
    if (!Object.hasOwn(channels, channel)) return Promise.reject(new Error(`no channel is named ${channel}`))
    return ipcRenderer.invoke(channel, ask)
  },
  on(channel, listen) {
    if (!Object.hasOwn(pushes, channel)) throw new Error(`no channel is named ${channel}`)
    const listener = (_event: unknown, pushed: Parameters<typeof listen>[0]) => listen(pushed)
    ipcRenderer.on(channel, listener)
    return () => void ipcRenderer.removeListener(channel, listener)
  },
}
contextBridge.exposeInMainWorld('hamlet', bridge)

// A port cannot cross the bridge, so it is passed to this page by postMessage.
ipcRenderer.on('trace:port', (event, message) => window.postMessage(message, '*', event.ports))
