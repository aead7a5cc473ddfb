/**
 * Keys in a file that BIND's tools take too (`nsupdate -k`, `dig -k`):
 *
 *     key "laptop" {
 *       algorithm hmac-sha256;
 *       secret "pRP5FapFoJ95JEL06sv4PQ==";
 *     };
 *
 * The tools want one key in a file; the server reads several. Nobody but the owner may read it, and a secret stands nowhere else.
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
/** 128 bits. A shorter secret can be guessed from one signed message. */
const SECRET_BYTES_MIN = 16
const LOOK_EVERY_MS = 1000

const TOKEN = /\s+|(?:\/\/|#)[^\n]*|\/\*[^]*?\*\/|"([^"\n]*)"|([{};])|([^\s"{};]+)/y

/**
 * The keys in a text, each under its name in lower case.
 * @throws HamletError file-damaged, which names the line and never what stands there
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
    if (keys.has(nameKey(key.name))) throw damaged(fileName, line, `the key "${key.name}" stands there twice`)
    if (keys.size >= KEYS_MAX) throw damaged(fileName, line, `more than ${KEYS_MAX} keys`)
    keys.set(nameKey(key.name), key)
  }
  return keys
}

/** The key as parseKeys and BIND's tools read it. */
export function formatKey({ name, algorithm, secret }: TsigKey): string {
  return `key "${name}" {\n  algorithm ${algorithm};\n  secret "${Buffer.from(secret).toString('base64')}";\n};\n`
}

/**
 * The key of that name in a file, or the only one that stands there.
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
  /** The file cannot be used: a sentence; undefined when it can again. */
  readonly onTrouble: (sentence: string | undefined) => void
}

/** The keys that a server takes: those in its folder's file, read again within a second after it has changed. */
export class Keyring {
  #keys: ReadonlyMap<string, TsigKey> = new Map()
  #seen = ''
  #closed = false
  #cancelLook: () => void = () => undefined
  readonly #path: string
  private readonly options: KeyringOptions

  constructor(options: KeyringOptions) {
    this.options = options
    this.#path = join(options.folder, KEYS_FILE)
  }

  readonly keyOf: KeyOf = name => this.#keys.get(nameKey(name))

  /** Reads the file now, and again whenever it has changed, until `close`. */
  async watch(): Promise<void> {
    await this.#look()
    if (this.#closed) return
    this.#cancelLook = this.options.clock.wakeAt(this.options.clock.nowMs() + LOOK_EVERY_MS, () => void this.watch())
  }

  close(): void {
    this.#closed = true
    this.#cancelLook()
  }

  /** A file that cannot be read leaves the keys as they were: whoever edits it is not locked out by half a line. */
  async #look(): Promise<void> {
    try {
      const found = await stat(this.#path).catch((error: unknown) => errnoOf(error) === 'ENOENT' ? undefined : Promise.reject(error))
      const seen = found === undefined ? '' : `${found.ino} ${found.mtimeMs} ${found.size} ${found.mode}`
      if (seen === this.#seen) return
      this.#seen = seen
      this.#keys = found === undefined ? new Map() : await readKeys(this.#path)
      this.options.onTrouble(undefined)
      this.options.log(`${KEYS_FILE} holds ${this.#keys.size} ${this.#keys.size === 1 ? 'key' : 'keys'}`)
      if (process.platform !== 'win32' && found !== undefined && (found.mode & 0o077) !== 0) this.options.log(`${KEYS_FILE} may be read by others: "chmod 600 ${this.#path}" keeps its secrets`)
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

/** What stands in a file, undefined where there is none. @throws HamletError disk-failed or file-damaged */
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
  if (algorithm === undefined) throw damaged(fileName, line, `its algorithm is none of ${TSIG_ALGORITHMS.join(', ')}`)
  const text = fields.get('secret') ?? ''
  const secret = Buffer.from(text, 'base64')
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(text)) throw damaged(fileName, line, 'its secret is no base64')
  if (secret.length < SECRET_BYTES_MIN) throw damaged(fileName, line, `its secret has ${secret.length} octets, ${SECRET_BYTES_MIN} needed`)
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
