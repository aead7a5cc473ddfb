/** package.json's postinstall: compiles the batch add-on where that can be, then says that npm came to its end. */
import { ensureAddOn } from '../add-on.mjs'
import { writePackagesStamp } from './node-packages.mjs'

await ensureAddOn()
writePackagesStamp()
