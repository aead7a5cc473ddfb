/**
 * The identity of an acceptor of encrypted connections: an X25519 private key in the file `rudp.key` of its data
 * folder, as PEM (`openssl pkey -in rudp.key -text` shows it). The file is created if there is none, readable only by
 * its owner.
 */
import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { HamletError } from '../kit/errors.ts'
import { diskError, errnoOf } from '../kit/node/disk.ts'
import { createOnce } from '../kit/node/create-once.ts'
import { SECRET_BYTES } from './core/encryption/cryptography.ts'
import { PRIVATE_KEY_PREFIX } from './node-cryptography.ts'

export const IDENTITY_FILE = 'rudp.key'
const OWNER_ONLY = 0o600
const PEM = /^-----BEGIN PRIVATE KEY-----\s+([A-Za-z0-9+/=\s]{64,100})-----END PRIVATE KEY-----\s*$/

/**
 * Reads the 32 secret bytes, or creates them durably.
 * @throws HamletError disk-failed; file-damaged if the file holds something else
 */
export async function identitySecret(folder: string): Promise<Uint8Array> {
  const path = join(folder, IDENTITY_FILE)
  try {
    const stored = await readIdentity(path)
    if (stored !== undefined) return stored
    const made = randomBytes(SECRET_BYTES)
    const bytes = Buffer.concat([PRIVATE_KEY_PREFIX, made])
    await createOnce(path, `-----BEGIN PRIVATE KEY-----\n${bytes.toString('base64')}\n-----END PRIVATE KEY-----\n`, OWNER_ONLY)
    return await readIdentity(path) ?? made // another process may have created it first, and then its key counts
  } catch (error) {
    throw diskError(error, path, 'the identity of this server could not be stored')
  }
}

async function readIdentity(path: string): Promise<Uint8Array | undefined> {
  const text = await readFile(path, 'latin1').catch((error: unknown) => {
    if (errnoOf(error) === 'ENOENT') return undefined
    throw error
  })
  if (text === undefined) return undefined
  const bytes = Buffer.from(PEM.exec(text)?.[1] ?? '', 'base64')
  if (bytes.length === PRIVATE_KEY_PREFIX.length + SECRET_BYTES && bytes.subarray(0, PRIVATE_KEY_PREFIX.length).equals(PRIVATE_KEY_PREFIX)) return bytes.subarray(PRIVATE_KEY_PREFIX.length)
  throw new HamletError({
    code: 'file-damaged', what: 'the identity of this server could not be read', why: `${path} holds no X25519 key in PEM`, done: 'it was left as it is',
    remedy: 'restore the file, or move it away: then a new key is created, which clients must accept anew',
  })
}
