/** Meaningless bytes, as many as the path says, for the lab and for benchmarks: `/bytes/5000000`. */
import { problem, type Controller } from '../message.ts'

const BYTES_MAX = 100_000_000

export const bytesController: Controller = ({ segments }) => {
  const text = segments[1] ?? ''
  const lengthBytes = Number(text)
  if (segments.length !== 2 || !/^\d{1,9}$/.test(text) || lengthBytes > BYTES_MAX) return problem(404, `Give a number of bytes up to ${BYTES_MAX}, such as /bytes/5000000.`)
  return { status: 200, headers: { 'content-type': 'application/octet-stream', 'cache-control': 'no-store' }, body: { kind: 'filler', lengthBytes } }
}
