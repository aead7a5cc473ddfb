/** `hamlet key [NAME]`: makes a key for those who may change the zone from afar, in the file that the DNS server reads. */
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

/** As long as the MAC that it makes (RFC 8945 §8). */
const SECRET_BYTES = 32

export const key = defineCommand({
  name: 'key',
  summary: 'Makes a key for nsupdate, dig and other machines, in a file that only you may read; its path goes to stdout.',
  positionals: ['[NAME]'],
  flags: z.object({
    output: filePath('write the key alone here too, for tools that want one key in a file').optional(),
    data: folderPath('folder of the DNS server; the window\'s own if not given').optional(),
  }),
  async run({ flags: { output, data }, positionals: [text = 'hamlet'] }, { stdout, stderr }) {
    const name = plainName(text)
    if (output !== undefined) await checkHoldsOnly(output, name) // else a key would be made, and the command fail
    const path = join(dataFolder(data), KEYS_FILE)
    const made = await addKey(path, { name, algorithm: 'hmac-sha256', secret: randomBytes(SECRET_BYTES) })
    stderr.write(`${made === 'added' ? 'Made the key' : 'There is already a key'} "${name}" in ${path}\n`)
    if (output !== undefined) await writeKeyAlone(output, await readKey(path, name))
    stdout.write(`${output === undefined ? path : resolve(output)}\n`)
    return 0
  },
})

/** A name that every tool that reads the file takes as it stands. @throws UsageError for another */
function plainName(text: string): string {
  const name = parseName(text)
  if (/^[\w-]+(\.[\w-]+)*$/.test(name)) return name
  throw new UsageError(`"${text}" cannot be the name of a key`, 'it has other characters than letters, digits, -, _ and dots between them', 'choose a plain name such as laptop')
}
