/** The style sheets of the demo site. */
import type { Controller } from '../message.ts'
import type { StaticFolder } from '../static-files.ts'
import { assetController } from './asset.ts'

/** @param folder of the demo site */
export function cssController(folder: StaticFolder): Controller {
  return assetController(folder, 'css', ['css'])
}
