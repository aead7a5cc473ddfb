/** Launches services as Electron utility processes. */
import { utilityProcess, type MessagePortMain, type UtilityProcess } from 'electron'
import { join } from 'node:path'
import type { Launcher } from '../services/kit/node/supervisor.ts'

export interface UtilityLauncher {
  readonly launch: Launcher
  /** Passes the service's process a port over which its trace is read. @returns false if the service is not running */
  attachTrace(id: string, port: MessagePortMain): boolean
}

/** @param output receives what a service writes to stdout or stderr, which only happens by a fault of ours */
export function utilityLauncher(buildFolder: string, output: (id: string, text: string) => void): UtilityLauncher {
  const running = new Map<string, UtilityProcess>()
  return {
    launch(id, onMessage, onExit) {
      const child = utilityProcess.fork(join(buildFolder, 'utility-host.cjs'), [], { serviceName: `Hamlet ${id}`, stdio: 'pipe' })
      running.set(id, child)
      child.on('message', onMessage)
      child.once('exit', status => {
        if (running.get(id) === child) running.delete(id)
        onExit(status)
      })
      for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk: Buffer) => output(id, chunk.toString('utf8').trimEnd()))
      return {
        get pid() { return child.pid },
        send: message => child.postMessage(message),
        kill: () => { if (child.pid !== undefined) process.kill(child.pid, 'SIGKILL') },
      }
    },
    attachTrace(id, port) {
      const child = running.get(id)
      child?.postMessage({ type: 'trace' }, [port])
      return child !== undefined
    },
  }
}
