/** What Media, Js and Css share: files of one kind from one folder of the demo site. */
import { fileResponse } from '../file-response.ts'
import { problem, type Controller } from '../message.ts'
import type { StaticFolder } from '../static-files.ts'

/**
 * Serves `/<name>/…` from the folder of that name.
 * @param extensions others are not served, whatever lies in the folder
 */
export function assetController(folder: StaticFolder, name: string, extensions: readonly string[]): Controller {
  return async request => {
    const found = await folder.find([name, ...request.segments.slice(1)])
    if (found.kind !== 'file' || !extensions.some(extension => found.file.path.endsWith(`.${extension}`))) return problem(404, 'There is no such file.')
    return fileResponse(request, found.file)
  }
}
