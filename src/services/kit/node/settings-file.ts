/** settings.json in the data folder: validated on reading, replaced atomically on writing. */
import { readFile, unlink } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { z } from 'zod'
import { HamletError, UsageError } from '../errors.ts'
import { defaultSettings, SETTINGS_VERSION, settingsFile, unknownKey, type Settings } from '../../settings.ts'
import { diskError, errnoOf, nodeDisk, setAside } from './disk.ts'
import { replaceFile } from './replace-file.ts'

const NAME = 'settings.json'

export interface LoadedSettings {
  /** The settings file, whether or not it exists. */
  readonly path: string
  readonly settings: Settings
  /** One sentence for the user, if the file was damaged and set aside. */
  readonly warning?: string
}

/**
 * Loads the saved settings, or the defaults if there are none. A damaged file is set aside, never overwritten.
 * @param file a file named by the user, to read instead. It is never set aside, and unknown keys in it are an error: they would have no effect
 * @throws HamletError disk-failed; file-damaged if a newer version of Hamlet wrote it, in which case it is left as it is; UsageError for `file`
 */
export async function loadSettings(folder: string, file?: string): Promise<LoadedSettings> {
  const path = file ?? join(folder, NAME)
  const bytes = await read(path, file !== undefined)
  if (bytes === undefined) return { path, settings: defaultSettings }
  const parsed = parse(bytes, path, file !== undefined)
  if (typeof parsed !== 'string') return { path, settings: parsed }
  if (file !== undefined) throw new UsageError(`--config ${file} could not be used`, parsed, 'correct the file, or leave out the flag')
  try {
    const copy = await setAside(nodeDisk, path, bytes)
    await unlink(path)
    return { path, settings: defaultSettings, warning: `${NAME} was damaged (${parsed}) and was set aside as ${copy}; the default settings apply` }
  } catch (error) {
    throw diskError(error, path, `${NAME} is damaged and could not be set aside`)
  }
}

/** @throws HamletError disk-failed; the old file is then still in place */
export async function saveSettings(folder: string, settings: Settings): Promise<void> {
  await replaceFile(join(folder, NAME), `${JSON.stringify(settings, undefined, 2)}\n`)
}

async function read(path: string, named: boolean): Promise<Uint8Array | undefined> {
  try {
    return await readFile(path)
  } catch (error) {
    if (named) throw new UsageError(`--config ${path} could not be read`, errnoOf(error) === 'ENOENT' ? 'there is no such file' : errnoOf(error), 'give the path of a settings file')
    if (errnoOf(error) === 'ENOENT') return undefined
    throw diskError(error, path, `${NAME} could not be read`)
  }
}

const versioned = z.object({ version: z.int() })

/** The settings, or why the bytes are not valid settings. */
function parse(bytes: Uint8Array, path: string, isNamed: boolean): Settings | string {
  let value: unknown
  try {
    value = JSON.parse(Buffer.from(bytes).toString('utf8'))
  } catch {
    return 'it is not JSON'
  }
  const version = versioned.safeParse(value).data?.version
  if (version !== undefined && version > SETTINGS_VERSION) {
    throw new HamletError({
      code: 'file-damaged', what: `${basename(path)} could not be used`, why: `a newer version of Hamlet wrote it (it has format ${version}, and this version knows format ${SETTINGS_VERSION})`, done: 'it was left as it is',
      remedy: 'use the newer version, or choose another data folder with --data', proof: path,
    })
  }
  const unknown = isNamed ? unknownKey(value) : undefined
  if (unknown !== undefined) return `${unknown.key} is not a known key; the keys there are ${unknown.known.join(', ')}`
  const parsed = settingsFile.safeParse(value)
  if (parsed.success) return parsed.data
  const issue = parsed.error.issues[0]
  return `${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'not valid'}`.replace(/^: /, '')
}
