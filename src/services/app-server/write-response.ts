/** The one place that writes to Node's response: bytes at once, files and filler as a stream at the peer's pace. */
import type { ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import { openFound, readFound } from './file-content.ts'
import { problem, type HttpResponse, type ResponseBody } from './message.ts'
import { sendFile } from './send-file.ts'

/** A shorter file is read whole and sent together with its head. Filler is sent in pieces of this size. */
const CHUNK_BYTES = 256 * 1024
/** Statuses without body or Content-Length (RFC 9110 §8.6, §15.4.5). */
const BODILESS: readonly number[] = [204, 304]
const FILE_CHANGED = problem(503, 'The file is being changed or cannot be read. Try again.', { 'retry-after': '1' })

type FileBody = Extract<ResponseBody, { readonly kind: 'file' }>

/**
 * Writes the response; resolves when the transport has all of it, or the peer is gone.
 * @param headOnly the request was HEAD
 * @returns the number of body bytes sent; for a file whose client left, those read for it
 */
export async function writeResponse(outgoing: ServerResponse, response: HttpResponse, headOnly: boolean): Promise<number> {
  const { status, headers, body } = response
  if (body.kind === 'bytes' || headOnly) {
    writeHead(outgoing, status, headers, lengthOf(body))
    const bytes = headOnly || body.kind !== 'bytes' || BODILESS.includes(status) ? undefined : body.bytes
    await ended(outgoing, () => outgoing.end(bytes))
    return outgoing.writableFinished ? bytes?.length ?? 0 : 0
  }
  if (body.kind === 'filler') return writeFiller(outgoing, response, body.lengthBytes)
  return body.last - body.first < CHUNK_BYTES ? writeShortFile(outgoing, response, body) : writeLongFile(outgoing, response, body)
}

/** Sends a short file together with its head: a page load notices every extra turn of the thread pool and the event loop. */
async function writeShortFile(outgoing: ServerResponse, response: HttpResponse, { file, first, last }: FileBody): Promise<number> {
  const bytes = await readFound(file, first, last)
  return writeResponse(outgoing, bytes === undefined ? FILE_CHANGED : { ...response, body: { kind: 'bytes', bytes } }, false)
}

/**
 * A pipelined response waits for its turn before it opens its file: Node does not tell a waiting response that its peer
 * left. It writes its head at once, because node:http decides by the bytes that are waiting when to stop reading
 * requests.
 */
async function writeLongFile(outgoing: ServerResponse, { status, headers }: HttpResponse, { file, first, last }: FileBody): Promise<number> {
  const writeOwnHead = () => writeHead(outgoing, status, headers, last - first + 1)
  const waits = outgoing.socket === null
  if (waits) {
    writeOwnHead()
    outgoing.flushHeaders()
    await new Promise(resolve => outgoing.once('socket', resolve))
  }
  const handle = await openFound(file)
  if (handle === undefined) {
    if (!waits) return writeResponse(outgoing, FILE_CHANGED, false)
    outgoing.destroy()
    return 0
  }
  if (!waits) writeOwnHead()
  const [sentBytes] = await Promise.all([sendFile(handle, first, last, outgoing), ended(outgoing, () => undefined)])
  return sentBytes
}

function lengthOf(body: ResponseBody): number {
  switch (body.kind) {
    case 'bytes': return body.bytes.length
    case 'file': return body.last - body.first + 1
    case 'filler': return body.lengthBytes
  }
}

/** @returns the number of bytes generated for the peer */
async function writeFiller(outgoing: ServerResponse, { status, headers }: HttpResponse, lengthBytes: number): Promise<number> {
  writeHead(outgoing, status, headers, lengthBytes)
  let madeBytes = 0
  const filler = new Readable({
    highWaterMark: CHUNK_BYTES,
    read() {
      const chunk = FILLER.subarray(0, Math.min(FILLER.length, lengthBytes - madeBytes))
      madeBytes += chunk.length
      this.push(chunk.length === 0 ? null : chunk)
    },
  })
  await ended(outgoing, () => filler.pipe(outgoing))
  filler.destroy()
  return madeBytes
}

/** As hard to compress as a film. */
const FILLER = Uint8Array.from({ length: CHUNK_BYTES }, (_, index) => Math.imul(index + 1, 2654435761) >>> 24)

function writeHead(outgoing: ServerResponse, status: number, headers: Readonly<Record<string, string>>, lengthBytes: number): void {
  outgoing.writeHead(status, BODILESS.includes(status) ? headers : { ...headers, 'content-length': lengthBytes })
}

function ended(outgoing: ServerResponse, start: () => void): Promise<void> {
  return new Promise(resolve => {
    outgoing.once('close', resolve)
    if (outgoing.destroyed) resolve()
    else start()
  })
}
