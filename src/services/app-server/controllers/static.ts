/** The user's own folder as the whole site (`--site`): files by name, index.html for folders. */
import { fileResponse } from '../file-response.ts'
import { emptyResponse, problem, type Controller, type HttpRequest, type HttpResponse } from '../message.ts'
import { formatPath } from '../request-target.ts'
import type { Found, StaticFolder } from '../static-files.ts'

const ALLOW = { allow: 'GET, HEAD, OPTIONS' }

export function staticController(folder: StaticFolder): Controller {
  return async request => {
    if (request.method === 'OPTIONS') return emptyResponse(204, ALLOW)
    if (request.method !== 'GET' && request.method !== 'HEAD') return problem(405, 'Files can only be read.', ALLOW)
    const asFolder = request.segments.at(-1) === ''
    const names = asFolder ? request.segments.slice(0, -1) : request.segments
    const found = await folder.find(asFolder ? [...names, 'index.html'] : names)
    // index.html may itself be a folder, which is not a page.
    return respond(request, asFolder && found.kind === 'folder' ? { kind: 'absent' } : found, names)
  }
}

function respond(request: HttpRequest, found: Found, names: readonly string[]): HttpResponse {
  switch (found.kind) {
    case 'file': return fileResponse(request, found.file)
    case 'folder': return problem(301, 'The address of a folder ends with a slash.', { location: `${formatPath([...names, ''])}${request.search}` })
    case 'absent': return problem(404, 'There is nothing at this address.')
  }
}
