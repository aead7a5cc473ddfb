/**
 * Reads a service's trace over a MessagePort, by cursor: a slow window
 * misses only what has left the trace's ring buffer.
 */
import type { ServiceId } from '../../services/contracts.ts'
import { formatPcapng, type Captured } from '../../services/kit/pcapng.ts'
import { bridge } from '../bridge.ts'
import { endpointsOf } from './rows.ts'
import { traceReply, usePackets, withRecords, type TraceRecord } from './store.ts'

const READ_EVERY_MS = 200
const RECORDS_A_TIME = 1024

/** Reads until the returned function is called. */
export function readTrace(id: ServiceId): () => void {
  let port: MessagePort | undefined
  let timer = 0
  const ask = () => {
    if (document.hidden) timer = window.setTimeout(ask, READ_EVERY_MS)
    else port?.postMessage({ fromSequence: usePackets.getState().next, limit: RECORDS_A_TIME })
  }
  const take = ({ data }: MessageEvent<unknown>) => {
    const reply = traceReply.safeParse(data)
    if (!reply.success) return
    usePackets.setState(state => withRecords(state, reply.data))
    timer = window.setTimeout(ask, reply.data.records.length < RECORDS_A_TIME ? READ_EVERY_MS : 0)
  }
  const begin = ({ source, data, ports: [given] }: MessageEvent<unknown>) => {
    if (source !== window || given === undefined || !isPortOf(data, id)) return
    port?.close()
    port = given
    port.onmessage = take
    ask()
  }
  window.addEventListener('message', begin)
  void bridge().invoke('trace:open', { id })
  return () => {
    window.removeEventListener('message', begin)
    window.clearTimeout(timer)
    port?.close()
  }
}

function isPortOf(data: unknown, id: ServiceId): boolean {
  return typeof data === 'object' && data !== null && 'type' in data && data.type === 'trace:port' && 'id' in data && data.id === id
}

/** Saves packets for Wireshark where the user chooses. @returns the path; undefined if canceled or failed */
export async function savePcapng(service: ServiceId, records: readonly TraceRecord[]): Promise<string | undefined> {
  const captured = records.flatMap((record): Captured[] => {
    const endpoints = record.kind === 'packet' ? endpointsOf(record) : undefined
    return endpoints === undefined ? [] : [{ ...endpoints, atMs: record.atMs, bytes: record.bytes, wholeBytes: record.wholeBytes }]
  })
  const { path, error } = await bridge().invoke('pcapng:save', { id: service, bytes: formatPcapng(captured, `hamlet ${service}`) })
  usePackets.setState({ error })
  return path
}
