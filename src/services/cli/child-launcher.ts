/** Launches services as child processes of this program, for `hamlet up`. */
import { fork } from 'node:child_process'
import type { Launcher } from '../kit/node/supervisor.ts'
import { entryFile } from './folders.ts'

export const launchChild: Launcher = (_id, onMessage, onExit) => {
  const child = fork(entryFile, ['service-host'], { serialization: 'advanced', stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
  child.on('message', onMessage)
  child.once('exit', status => onExit(status))
  child.on('error', () => undefined) // 'exit' reports the end; a message to a process that just ended is harmless
  return {
    pid: child.pid,
    send: message => { if (child.connected) child.send(message, () => undefined) },
    kill: () => void child.kill('SIGKILL'),
  }
}
