/** package.json's postinstall: compiles the batch add-on if possible, then records that npm has finished. */
import { ensureAddOn } from '../add-on.mjs'
import { writePackagesStamp } from './node-packages.mjs'

await ensureAddOn()
writePackagesStamp()
