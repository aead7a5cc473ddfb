/** package.json's postinstall: says that npm came to its end. */
import { writePackagesStamp } from './node-packages.mjs'

writePackagesStamp()
