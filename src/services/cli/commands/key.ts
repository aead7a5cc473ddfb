/** `hamlet key [NAME]`: makes a key for changing the zone from other machines, in the file that the DNS server reads. */
import { randomBytes } from 'node:crypto'
import { join, resolve } from 'node:path'
import { z } from 'zod'
import { KEYS_FILE, readKey } from '../../dns/keys-file.ts'
import { parseName } from '../../dns/wire/name.ts'
import { addKey, checkHoldsOnly, writeKeyAlone } from '../../dns/write-key.ts'
import { filePath, folderPath } from '../../kit/contract.ts'
import { UsageError } from '../../kit/errors.ts'
import { defineCommand } from '../command.ts'
import { dataFolder } from '../folders.ts'

/** The length of the MAC (RFC 8945 §8). */
const SECRET_BYTES = 32

export const key = defineCommand({
  name: 'key',
  summary: 'Makes a key for nsupdate, dig and other machines in a file that only you can read; prints its path to stdout.',
  positionals: ['[NAME]'],
  flags: z.object({
    output: filePath('also write the key to this file, alone, for tools that expect one key per file').optional(),
    data: folderPath('data folder of the DNS server; by default the one that the window uses').optional(),
  }),
  async run({ flags: { output, data }, positionals: [text = 'hamlet'] }, { stdout, stderr }) {
    const name = plainName(text)
    if (output !== undefined) await checkHoldsOnly(output, name) // first, so that no key is made if this fails
    const path = join(dataFolder(data), KEYS_FILE)
    const made = await addKey(path, { name, algorithm: 'hmac-sha256', secret: randomBytes(SECRET_BYTES) })
    stderr.write(`${made === 'added' ? 'Made the key' : 'There is already a key'} "${name}" in ${path}\n`)
    if (output !== undefined) await writeKeyAlone(output, await readKey(path, name))
    stdout.write(`${output === undefined ? path : resolve(output)}\n`)
    return 0
  },
})

/** A name that every tool that reads the file accepts unquoted. @throws UsageError for any other */
function plainName(text: string): string {
  const name = parseName(text)
  if (/^[\w-]+(\.[\w-]+)*$/.test(name)) return name
  throw new UsageError(`"${text}" cannot be the name of a key`, 'it may only have letters, digits, - and _, with dots in between', 'choose a plain name such as laptop')
}
