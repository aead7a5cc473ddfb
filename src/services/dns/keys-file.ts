/**
 * Key files in BIND's format, which its tools accept too (`nsupdate -k`, `dig -k`):
 *
 *     key "laptop" {
 *       algorithm hmac-sha256;
 *       secret "pRP5FapFoJ95JEL06sv4PQ==";
 *     };
 *
 * The tools want one key per file; the server reads several. Only the owner may read the file, and secrets are stored nowhere else.
 */
import { readFile, stat } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { HamletError, oneLine, UsageError } from '../kit/errors.ts'
import type { Clock } from '../kit/node/clock.ts'
import { diskError, errnoOf } from '../kit/node/disk.ts'
import { TSIG_ALGORITHMS, type KeyOf, type TsigKey } from './core/admin/tsig.ts'
import { nameKey, parseName } from './wire/name.ts'

export const KEYS_FILE = 'dns.keys'
const FILE_BYTES_MAX = 64 * 1024
const KEYS_MAX = 64
/** 128 bits. A shorter secret could be brute-forced from one signed message. */
const SECRET_BYTES_MIN = 16
const CHECK_EVERY_MS = 1000

const TOKEN = /\s+|(?:\/\/|#)[^\n]*|\/\*[^]*?\*\/|"([^"\n]*)"|([{};])|([^\s"{};]+)/y

/**
 * Parses keys.
 * @returns the keys by their names in lower case
 * @throws HamletError file-damaged, which names the line but never its content
 */
export function parseKeys(text: string, fileName = KEYS_FILE): ReadonlyMap<string, TsigKey> {
  if (text.length > FILE_BYTES_MAX) throw tooLong(text.length, fileName)
  const tokens = tokensOf(text, fileName)
  const keys = new Map<string, TsigKey>()
  let at = 0
  const word = (): string => tokens[at++]?.text ?? ''
  const expect = (wanted: string): void => {
    if (word() !== wanted) throw damaged(fileName, tokens[at - 1]?.line ?? tokens[tokens.length - 1]?.line ?? 1, `"${wanted}" is missing`)
  }
  while (at < tokens.length) {
    const line = tokens[at]?.line ?? 1
    expect('key')
    const name = word()
    expect('{')
    const fields = new Map<string, string>()
    while (tokens[at] !== undefined && tokens[at]?.text !== '}') {
      fields.set(word(), word())
      expect(';')
    }
    expect('}')
    expect(';')
    const key = keyFrom(name, fields, fileName, line)
    if (keys.has(nameKey(key.name))) throw damaged(fileName, line, `the key "${key.name}" is defined twice`)
    if (keys.size >= KEYS_MAX) throw damaged(fileName, line, `more than ${KEYS_MAX} keys`)
    keys.set(nameKey(key.name), key)
  }
  return keys
}

/** Formats a key for parseKeys and BIND's tools. */
export function formatKey({ name, algorithm, secret }: TsigKey): string {
  return `key "${name}" {\n  algorithm ${algorithm};\n  secret "${Buffer.from(secret).toString('base64')}";\n};\n`
}

/**
 * Reads the key of the given name from a file, or its only key.
 * @throws HamletError disk-failed or file-damaged
 */
export async function readKey(path: string, name?: string): Promise<TsigKey> {
  const [key, second] = [...(await readKeys(path)).values()].filter(each => name === undefined || nameKey(each.name) === nameKey(name))
  if (key === undefined || second !== undefined) throw damaged(path, 1, key === undefined ? 'it holds no key' : 'it holds more than one key')
  return key
}

export interface KeyringOptions {
  readonly folder: string
  readonly clock: Clock
  readonly log: (text: string) => void
  /** Why the file cannot be used, as a sentence; undefined once it can. */
  readonly onTrouble: (sentence: string | undefined) => void
}

/** The keys that a server accepts: those in the file in its folder, which is read again within a second of a change. */
export class Keyring {
  #keys: ReadonlyMap<string, TsigKey> = new Map()
  #loadedState = ''
  #closed = false
  #cancelCheck: () => void = () => undefined
  readonly #path: string
  private readonly options: KeyringOptions

  constructor(options: KeyringOptions) {
    this.options = options
    this.#path = join(options.folder, KEYS_FILE)
  }

  readonly keyOf: KeyOf = name => this.#keys.get(nameKey(name))

  /** Reads the file now, and again whenever it has changed, until `close`. */
  async watch(): Promise<void> {
    await this.#reload()
    if (this.#closed) return
    this.#cancelCheck = this.options.clock.wakeAt(this.options.clock.nowMs() + CHECK_EVERY_MS, () => void this.watch())
  }

  close(): void {
    this.#closed = true
    this.#cancelCheck()
  }

  /** A file that cannot be parsed leaves the keys unchanged, so that a half-finished edit locks nobody out. */
  async #reload(): Promise<void> {
    try {
      const found = await stat(this.#path).catch((error: unknown) => errnoOf(error) === 'ENOENT' ? undefined : Promise.reject(error))
      const state = found === undefined ? '' : `${found.ino} ${found.mtimeMs} ${found.size} ${found.mode}`
      if (state === this.#loadedState) return
      this.#loadedState = state
      this.#keys = found === undefined ? new Map() : await readKeys(this.#path)
      this.options.onTrouble(undefined)
      this.options.log(`${KEYS_FILE} holds ${this.#keys.size} ${this.#keys.size === 1 ? 'key' : 'keys'}`)
      if (process.platform !== 'win32' && found !== undefined && (found.mode & 0o077) !== 0) this.options.log(`${KEYS_FILE} can be read by others: run "chmod 600 ${this.#path}" to protect it`)
    } catch (error) {
      this.options.log(oneLine(error))
      this.options.onTrouble(oneLine(error))
    }
  }
}

async function readKeys(path: string): Promise<ReadonlyMap<string, TsigKey>> {
  const text = await readKeysText(path)
  if (text === undefined) throw new HamletError({ code: 'disk-failed', what: `${path} could not be read`, why: 'there is no such file', remedy: 'make a key with "hamlet key"' })
  return parseKeys(text, basename(path))
}

/** The text of a file; undefined if there is none. @throws HamletError disk-failed or file-damaged */
export async function readKeysText(path: string): Promise<string | undefined> {
  try {
    const { size } = await stat(path)
    if (size > FILE_BYTES_MAX) throw tooLong(size, basename(path))
    return await readFile(path, 'latin1')
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined
    throw diskError(error, path, `${basename(path)} could not be read`)
  }
}

function tokensOf(text: string, fileName: string): { text: string; line: number }[] {
  const tokens: { text: string; line: number }[] = []
  let line = 1
  for (let at = 0; at < text.length;) {
    TOKEN.lastIndex = at
    const match = TOKEN.exec(text)
    if (match === null) throw damaged(fileName, line, 'a quotation mark is not closed')
    const token = match[1] ?? match[2] ?? match[3]
    if (token !== undefined) tokens.push({ text: token, line })
    line += match[0].split('\n').length - 1
    at = TOKEN.lastIndex
  }
  return tokens
}

function keyFrom(name: string, fields: ReadonlyMap<string, string>, fileName: string, line: number): TsigKey {
  const algorithm = TSIG_ALGORITHMS.find(known => known === fields.get('algorithm')?.toLowerCase().replace(/\.$/, ''))
  if (algorithm === undefined) throw damaged(fileName, line, `its algorithm is not one of ${TSIG_ALGORITHMS.join(', ')}`)
  const text = fields.get('secret') ?? ''
  const secret = Buffer.from(text, 'base64')
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(text)) throw damaged(fileName, line, 'its secret is not base64')
  if (secret.length < SECRET_BYTES_MIN) throw damaged(fileName, line, `its secret has ${secret.length} octets, fewer than ${SECRET_BYTES_MIN}`)
  try {
    return { name: parseName(name), algorithm, secret }
  } catch (error) {
    if (!(error instanceof UsageError)) throw error
    throw damaged(fileName, line, error.parts.why)
  }
}

function tooLong(bytes: number, fileName: string): HamletError {
  return damaged(fileName, 1, `it has ${bytes} bytes, and ${FILE_BYTES_MAX} is the limit`)
}

function damaged(fileName: string, line: number, why: string): HamletError {
  return new HamletError({
    code: 'file-damaged', what: `${fileName} could not be read`, why: `the key at line ${line}: ${why}`,
    remedy: 'write key "NAME" { algorithm hmac-sha256; secret "BASE64"; }; or make it with "hamlet key NAME"',
  })
}
