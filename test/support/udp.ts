/** Sends one datagram and waits for one reply, as with netcat. */
import { createSocket } from 'node:dgram'

const REPLY_WITHIN_MS = 5_000

export async function askByUdp(port: number, text: string | Uint8Array, address = '127.0.0.1'): Promise<string> {
  return (await askBytesByUdp(port, typeof text === 'string' ? Buffer.from(text) : text, address)).toString('utf8').trimEnd()
}

export function askBytesByUdp(port: number, bytes: Uint8Array, address = '127.0.0.1'): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const socket = createSocket('udp4')
    const timer = setTimeout(() => {
      socket.close()
      reject(new Error(`no reply from ${address}:${port}`))
    }, REPLY_WITHIN_MS)
    socket.once('message', reply => {
      clearTimeout(timer)
      socket.close()
      resolve(reply)
    })
    socket.send(bytes, port, address)
  })
}
