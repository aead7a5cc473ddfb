/** The user name and password of the proxy: new with each run, so that no other program can use the gateway (RFC 7617). */
import { createHash, timingSafeEqual } from 'node:crypto'
import type { Random } from '../kit/random.ts'

export interface Credentials {
  readonly user: string
  readonly password: string
}

/** 128 bits that nobody can guess, as long as `random` is the operating system's. */
export function drawPassword(random: Random): string {
  return Array.from({ length: 4 }, () => random.uint32().toString(16).padStart(8, '0')).join('')
}

/** The value of Proxy-Authorization. */
export function basicAuthorization({ user, password }: Credentials): string {
  return `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`
}

/** Tells whether a Proxy-Authorization names these credentials, in a time that does not depend on where it differs. */
export function authorizationCheck(credentials: Credentials): (authorization: string | undefined) => boolean {
  const expected = digest(basicAuthorization(credentials))
  return authorization => timingSafeEqual(expected, digest((authorization ?? '').replace(/^basic +/i, 'Basic ')))
}

/** Equal lengths for the comparison, whatever was sent. */
function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
