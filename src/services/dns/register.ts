/** The client of a DNS server's admin port, with which an application server registers its name. */
import { randomBytes } from 'node:crypto'
import { formatEndpoint, type Endpoint } from '../kit/endpoint.ts'
import { HamletError } from '../kit/errors.ts'
import { openDoor } from '../kit/node/udp/open-door.ts'
import type { DatagramDoor } from '../kit/node/udp/door.ts'
import { signLine } from './core/admin/signed-line.ts'
import type { TsigKey } from './core/admin/tsig.ts'
import { nodeHmac } from './hmac.ts'
import { readKey } from './keys-file.ts'

export interface SendOptions {
  /** Per attempt. */
  readonly timeoutMs?: number
  readonly attempts?: number
  /** A file with one key (keys-file.ts), read each time: it signs the line, which is then accepted from anywhere. */
  readonly keyFile?: string | undefined
}

const TIMEOUT_MS = 1000
const ATTEMPTS = 3
/** More lines than a LIST of all names that a server can hold. */
const LINES_MAX = 50_000

/**
 * Sends one admin line and returns the lines of the reply, the last of which begins with OK. A line without a reply is sent again,
 * which is safe because all admin lines are idempotent.
 * @throws HamletError refused (the server's ERROR line), upstream-unreachable (nothing listens there), timed-out (silence), disk-failed or file-damaged (the key)
 */
export async function sendAdminLine(server: Endpoint, line: string, { timeoutMs = TIMEOUT_MS, attempts = ATTEMPTS, keyFile }: SendOptions = {}): Promise<string[]> {
  const key = keyFile === undefined ? undefined : await readKey(keyFile)
  const command = line.split(' ').slice(0, 2).join(' ')
  let timer: NodeJS.Timeout | undefined
  let door: DatagramDoor | undefined
  try {
    return await new Promise<string[]>((resolve, reject) => {
      const lines: string[] = []
      const send = (attempt: number): void => {
        if (attempt > attempts) return reject(silent(server, command, attempts * timeoutMs))
        lines.length = 0
        door?.send(door.pathTo(server), octetsOf(line, key))
        door?.flush()
        timer = setTimeout(() => send(attempt + 1), timeoutMs)
      }
      openDoor({
        addresses: [server.address.includes(':') ? '::' : '0.0.0.0'], port: 0, peer: server,
        receive({ count, slab, offsets, lengths }) {
          for (let index = 0; index < count; index++) {
            const offset = offsets[index] ?? 0
            const text = Buffer.from(slab.subarray(offset, offset + (lengths[index] ?? 0))).toString('utf8')
            lines.push(...text.split(/\r?\n/).filter(part => part !== ''))
          }
          const last = lines[lines.length - 1] ?? ''
          if (last.startsWith('ERROR')) reject(refused(server, command, last))
          else if (/^OK\b/.test(last) || lines.length > LINES_MAX) resolve(lines)
        },
        onError: error => reject(unreachable(server, command, error)),
      }).then(opened => {
        door = opened
        send(1)
      }, error => reject(unreachable(server, command, error)))
    })
  } finally {
    clearTimeout(timer)
    await door?.close()
  }
}

/** Signs each attempt separately, since the server does not send a list twice for one signature. */
function octetsOf(line: string, key: TsigKey | undefined): Uint8Array {
  const octets = Buffer.from(line, 'utf8')
  return key === undefined ? octets : Buffer.from(signLine(octets.toString('latin1'), key, Date.now() / 1000, randomBytes(8).toString('hex'), nodeHmac), 'latin1')
}

function refused(server: Endpoint, command: string, reply: string): HamletError {
  return new HamletError({
    code: 'refused', what: `The DNS server refused "${command}"`, why: reply.replace(/^ERROR\s*/, '').replace(/\.$/, ''), remedy: 'correct the line and send it again',
    proof: `${formatEndpoint(server)} replied ${reply.slice(0, 120)}`,
  })
}

function unreachable(server: Endpoint, command: string, cause: unknown): HamletError {
  return new HamletError({
    code: 'upstream-unreachable', what: `"${command}" could not be sent to the DNS server`, why: `nothing listens at ${formatEndpoint(server)}`,
    remedy: 'start the DNS server, or name its admin port', proof: cause instanceof Error ? cause.message : String(cause),
  }, { cause })
}

function silent(server: Endpoint, command: string, waitedMs: number): HamletError {
  return new HamletError({
    code: 'timed-out', what: `The DNS server did not reply to "${command}"`, why: `nothing came back from ${formatEndpoint(server)} within ${waitedMs} ms`,
    remedy: 'check the address, the admin port and the firewall',
  })
}
