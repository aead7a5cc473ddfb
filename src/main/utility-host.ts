/** Entry of every utility process: runs one service for the supervisor in main, and lets the window read its trace. */
import type { MessagePortMain } from 'electron'
import { traceRequest } from '../services/kit/host-protocol.ts'
import { runHost, type Host } from '../services/kit/node/host.ts'
import { refuseDebugger } from '../services/kit/node/refuse-debugger.ts'
import { implementations } from '../services/services.ts'

/** The parent port cannot say when a message has left; the process lives on for this long after its last one. */
const LAST_WORDS_MS = 50

refuseDebugger()
const host = runHost(Object.values(implementations), {
  send: message => process.parentPort.postMessage(message),
  onMessage: receive => process.parentPort.on('message', ({ data, ports }) => {
    const [port] = ports
    // Not at once: inside this event Electron 22 runs no microtasks, and a promise that is rejected here and handled in one counts as unhandled.
    if (port === undefined) setImmediate(receive, data)
    else serveTrace(host, port)
  }),
  exit: status => setTimeout(() => process.exit(status), LAST_WORDS_MS),
})
process.on('unhandledRejection', error => host.fail(error))
process.on('uncaughtException', error => host.fail(error))

/** Answers a reader's requests with records from the ring; the reader pulls, so a slow one costs nothing. */
function serveTrace(running: Host, port: MessagePortMain): void {
  port.on('message', ({ data }) => {
    const request = traceRequest.safeParse(data)
    const trace = running.service?.trace
    if (request.success && trace !== undefined) port.postMessage({ ...trace.read(request.data.fromSequence, request.data.limit), nextSequence: trace.nextSequence })
  })
  port.start()
}
