/**
 * node:http and nothing else: a minimal Node program that serves files over TCP, and one that fetches them.
 *
 *     node node-http.mjs serve ADDRESS PORT FOLDER
 *     node node-http.mjs fetch URL
 */
import { createReadStream } from 'node:fs'
import { createServer, get } from 'node:http'
import { basename, join } from 'node:path'

const [verb, ...rest] = process.argv.slice(2)
if (verb === 'serve') {
  const [address, port, folder] = rest
  createServer((incoming, answer) => createReadStream(join(folder, basename(incoming.url))).pipe(answer)).listen(Number(port), address, () => process.stderr.write('ready\n'))
} else get(rest[0], response => response.pipe(process.stdout))
