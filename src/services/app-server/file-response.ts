/** A file as the response to GET and HEAD: validators, conditions, ranges (RFC 9110 §8.8, §13, §14). Pure. */
import { basename } from 'node:path'
import { contentTypeOf } from './content-types.ts'
import { formatHttpDate } from './http-date.ts'
import { emptyResponse, problem, type FoundFile, type HttpRequest, type HttpResponse } from './message.ts'
import { checkPreconditions, ifRangeHolds } from './preconditions.ts'
import { parseRange } from './range.ts'

/** @param stats as node:fs reports them; the time has fractions of a millisecond, so that two quick changes differ */
export function foundFile(path: string, { size, mtimeMs }: { size: number; mtimeMs: number }): FoundFile {
  const etag = `"${size.toString(36)}-${Math.round(mtimeMs * 1000).toString(36)}"`
  return { path, contentType: contentTypeOf(basename(path)), lengthBytes: size, modifiedAtMs: mtimeMs, etag }
}

/** The response to a GET or HEAD of a file: 200, 206, 304, 412 or 416. */
export function fileResponse(request: HttpRequest, file: FoundFile): HttpResponse {
  // §8.8.2.1: Last-Modified must not be later than the response's Date.
  const lastModified = formatHttpDate(Math.min(file.modifiedAtMs, request.receivedAtMs))
  const headers = { 'accept-ranges': 'bytes', 'cache-control': 'no-cache', etag: file.etag, 'last-modified': lastModified }
  const precondition = checkPreconditions(request, file)
  if (precondition === 'not-modified') return emptyResponse(304, headers)
  if (precondition === 'failed') return problem(412, 'The file has changed.')
  // §14.2: ranges are defined for GET only.
  const range = request.method === 'GET' && ifRangeHolds(request, file) ? parseRange(request.headers.range, file.lengthBytes) : WHOLE
  switch (range.kind) {
    case 'unsatisfiable': return problem(416, `The file has ${file.lengthBytes} bytes.`, { 'accept-ranges': 'bytes', 'content-range': `bytes */${file.lengthBytes}` })
    case 'whole': return { status: 200, headers: { ...headers, 'content-type': file.contentType }, body: { kind: 'file', file, first: 0, last: file.lengthBytes - 1 } }
    case 'part': return {
      status: 206,
      headers: { ...headers, 'content-type': file.contentType, 'content-range': `bytes ${range.first}-${range.last}/${file.lengthBytes}` },
      body: { kind: 'file', file, first: range.first, last: range.last },
    }
  }
}

const WHOLE = { kind: 'whole' } as const
