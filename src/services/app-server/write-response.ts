/** The one place that writes to Node's response: bytes as they are, files and filler as a stream that the peer's pace holds back. */
import { createReadStream } from 'node:fs'
import { open, type FileHandle } from 'node:fs/promises'
import type { ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import { problem, type FoundFile, type HttpResponse, type ResponseBody } from './message.ts'

/** Each piece costs a turn of the thread pool and of the transport, each reader so much memory. */
const CHUNK_BYTES = 256 * 1024
/** Statuses that have neither body nor Content-Length (RFC 9110 §8.6, §15.4.5). */
const BODILESS: readonly number[] = [204, 304]

/**
 * Writes the response; resolves when it is with the transport, or the peer is gone.
 * @param headOnly the request was HEAD
 * @returns bytes of the body that went out; of a file whose reader left, those that were read for it
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
  const handle = await openUnchanged(body.file)
  if (handle === undefined) return writeResponse(outgoing, problem(503, 'The file is being changed. Ask again.', { 'retry-after': '1' }), headOnly)
  const lengthBytes = lengthOf(body)
  writeHead(outgoing, status, headers, lengthBytes)
  return lengthBytes <= CHUNK_BYTES ? writePiece(outgoing, handle, body.first, lengthBytes) : writePieces(outgoing, handle, body.first, body.last)
}

/** A short body is read at once and leaves with its head: each turn of the thread pool and of the event loop that a page waits for is seen. */
async function writePiece(outgoing: ServerResponse, handle: FileHandle, first: number, lengthBytes: number): Promise<number> {
  const bytes = await readWhole(handle, first, lengthBytes)
  const closed = handle.close()
  await ended(outgoing, () => bytes === undefined ? outgoing.destroy() : outgoing.end(bytes))
  await closed
  return bytes?.length ?? 0
}

/** @returns undefined where the disk failed, or the file has become shorter: a cut connection is the only honest end */
async function readWhole(handle: FileHandle, first: number, lengthBytes: number): Promise<Buffer | undefined> {
  const bytes = Buffer.allocUnsafe(lengthBytes)
  try {
    for (let at = 0; at < lengthBytes;) {
      const { bytesRead } = await handle.read(bytes, at, lengthBytes - at, first + at)
      if (bytesRead === 0) return undefined
      at += bytesRead
    }
  } catch {
    return undefined
  }
  return bytes
}

async function writePieces(outgoing: ServerResponse, handle: FileHandle, first: number, last: number): Promise<number> {
  const file = createReadStream('', { fd: handle, start: first, end: last, highWaterMark: CHUNK_BYTES })
  await ended(outgoing, () => {
    file.on('error', () => outgoing.destroy()) // the disk failed in the middle
    file.pipe(outgoing)
  })
  file.destroy() // closes the handle, also where the peer went away before the end
  return file.bytesRead
}

function lengthOf(body: ResponseBody): number {
  switch (body.kind) {
    case 'bytes': return body.bytes.length
    case 'file': return body.last - body.first + 1
    case 'filler': return body.lengthBytes
  }
}

/** @returns bytes that were made for the peer */
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

/** The file, if it still is what its validators say: else its head would lie about its length. */
async function openUnchanged(file: FoundFile): Promise<FileHandle | undefined> {
  let handle: FileHandle | undefined
  try {
    handle = await open(file.path)
    const { size, mtimeMs } = await handle.stat()
    if (size === file.lengthBytes && mtimeMs === file.modifiedAtMs) return handle
  } catch { /* It was taken away between the look and the opening, which is a change too. */ }
  await handle?.close()
  return undefined
}

function ended(outgoing: ServerResponse, start: () => void): Promise<void> {
  return new Promise(resolve => {
    outgoing.once('close', resolve)
    if (outgoing.destroyed) resolve()
    else start()
  })
}
