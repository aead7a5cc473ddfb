/** Entry point of every utility process: runs one service for the supervisor in main, and lets the window read its trace. */
import type { MessagePortMain } from 'electron'
import { traceRequest } from '../services/kit/host-protocol.ts'
import { runHost, type Host } from '../services/kit/node/host.ts'
import { refuseDebugger } from '../services/kit/node/refuse-debugger.ts'
import { implementations } from '../services/services.ts'

/**
 * The parent port does not report when a message has been sent, so the process waits
 * this long after its last one before it exits.
 */
const EXIT_DELAY_MS = 50

refuseDebugger()
const host = runHost(Object.values(implementations), {
  send: message => process.parentPort.postMessage(message),
  onMessage: receive => process.parentPort.on('message', ({ data, ports }) => {
    const [port] = ports
    // Deferred: Electron 22 runs no microtasks inside this event, so a promise rejected here
    // would count as unhandled before its handler runs.
    if (port === undefined) setImmediate(receive, data)
    else serveTrace(host, port)
  }),
  exit: status => setTimeout(() => process.exit(status), EXIT_DELAY_MS),
})
process.on('unhandledRejection', error => host.fail(error))
process.on('uncaughtException', error => host.fail(error))

/** Answers a reader's requests with records from the trace's ring buffer. The reader pulls, so a slow one costs nothing. */
function serveTrace(running: Host, port: MessagePortMain): void {
  port.on('message', ({ data }) => {
    const request = traceRequest.safeParse(data)
    const trace = running.service?.trace
    if (request.success && trace !== undefined) port.postMessage({ ...trace.read(request.data.fromSequence, request.data.limit), nextSequence: trace.nextSequence })
  })
  port.start()
}
