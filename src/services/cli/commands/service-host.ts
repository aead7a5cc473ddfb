/** `hamlet service-host`: a child process of `hamlet up` that runs one service, supervised over Node's IPC channel. */
import { z } from 'zod'
import { runHost } from '../../kit/node/host.ts'
import { implementations } from '../../services.ts'
import { defineCommand } from '../command.ts'

export const serviceHost = defineCommand({
  name: 'service-host',
  summary: 'Runs one service for the supervisor.',
  positionals: [],
  flags: z.object({}),
  hidden: true,
  run() {
    let sent = Promise.resolve()
    const host = runHost(Object.values(implementations), {
      send(message) { sent = new Promise(written => process.send?.(message, undefined, undefined, () => written())) },
      onMessage: receive => process.on('message', receive),
      exit: status => void sent.then(() => process.exit(status)),
    })
    process.on('unhandledRejection', error => host.fail(error))
    process.on('uncaughtException', error => host.fail(error))
    // The supervisor is gone, and with it the reason to run.
    process.on('disconnect', () => void host.stop())
    // These signals may reach the whole process group, but only the supervisor stops its services, in order.
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined)
    return new Promise(() => undefined)
  },
})
