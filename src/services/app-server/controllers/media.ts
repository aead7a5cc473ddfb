/** Media bytes, whole or in ranges. */
import type { Controller } from '../message.ts'
import type { StaticFolder } from '../static-files.ts'
import { assetController } from './asset.ts'

/** @param folder of the demo site */
export function mediaController(folder: StaticFolder): Controller {
  return assetController(folder, 'media', ['webm', 'svg'])
}
