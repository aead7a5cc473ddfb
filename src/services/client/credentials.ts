/** User name and password of the proxy (RFC 7617), new for each run, so that no other program can use the gateway. */
import { createHash, timingSafeEqual } from 'node:crypto'
import type { Random } from '../kit/random.ts'

export interface Credentials {
  readonly user: string
  readonly password: string
}

/** 128 random bits; unguessable if `random` comes from the operating system. */
export function drawPassword(random: Random): string {
  return Array.from({ length: 4 }, () => random.uint32().toString(16).padStart(8, '0')).join('')
}

/** The value of Proxy-Authorization. */
export function basicAuthorization({ user, password }: Credentials): string {
  return `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`
}

/** Returns a constant-time check whether a Proxy-Authorization carries these credentials. */
export function authorizationCheck(credentials: Credentials): (authorization: string | undefined) => boolean {
  const expected = digest(basicAuthorization(credentials))
  return authorization => timingSafeEqual(expected, digest((authorization ?? '').replace(/^basic +/i, 'Basic ')))
}

/** timingSafeEqual needs inputs of equal length. */
function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
