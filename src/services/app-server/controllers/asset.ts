/** What the Media, Js and Css controllers share: files of certain types from one folder of the demo site. */
import { fileResponse } from '../file-response.ts'
import { problem, type Controller } from '../message.ts'
import type { StaticFolder } from '../static-files.ts'

/**
 * Serves `/<name>/…` from the folder of that name.
 * @param extensions files with any other extension are not served
 */
export function assetController(folder: StaticFolder, name: string, extensions: readonly string[]): Controller {
  return async request => {
    const found = await folder.find([name, ...request.segments.slice(1)])
    if (found.kind !== 'file' || !extensions.some(extension => found.file.path.endsWith(`.${extension}`))) return problem(404, 'There is no such file.')
    return fileResponse(request, found.file)
  }
}
