/** The demo site: which controller serves which path. */
import { bytesController } from './controllers/bytes.ts'
import { cssController } from './controllers/css.ts'
import { guestbookControllers } from './controllers/guestbook.ts'
import { homeControllers } from './controllers/home.ts'
import { jsController } from './controllers/js.ts'
import { mediaController } from './controllers/media.ts'
import { watchController } from './controllers/watch.ts'
import { emptyResponse, problem, type Controller, type HttpRequest, type HttpResponse } from './message.ts'
import type { Guestbook } from './models/guestbook.ts'
import { checkPreconditions } from './preconditions.ts'
import { matchRoute, type Route } from './router.ts'
import type { StaticFolder } from './static-files.ts'
import { problemPage } from './views/problem.ts'

export interface DemoSiteOptions {
  readonly domain: string
  /** assets/site */
  readonly folder: StaticFolder
  readonly book: Guestbook
  readonly log: (text: string) => void
}

export function demoSite(options: DemoSiteOptions): Controller {
  const { domain } = options
  const routes = demoRoutes(options)
  return async request => {
    const frame = { domain, connection: request.connection }
    const match = matchRoute(routes, request.method, request.segments)
    switch (match.kind) {
      case 'found': {
        const response = applyConditions(request, await match.controller(request))
        return { ...response, headers: { ...response.headers, 'x-content-type-options': 'nosniff' } }
      }
      case 'options': return emptyResponse(204, { allow: match.allow })
      case 'not-allowed': return problemPage(frame, 405, 'Method not allowed', `This address accepts ${match.allow}.`, { allow: match.allow })
      case 'absent': return problemPage(frame, 404, 'Nobody lives here', 'There is no page under this address.')
    }
  }
}

/**
 * A generated response has no validators, so only conditions on its existence can hold. A file has checked its own conditions
 * already (file-response.ts).
 */
function applyConditions(request: HttpRequest, response: HttpResponse): HttpResponse {
  if (response.status !== 200 || response.headers.etag !== undefined) return response
  switch (checkPreconditions(request, undefined)) {
    case 'proceed': return response
    case 'not-modified': return emptyResponse(304, response.headers)
    case 'failed': return problem(412, 'This page is generated for each request and has no version to compare.')
  }
}

function demoRoutes({ domain, folder, book, log }: DemoSiteOptions): Route[] {
  const home = homeControllers(domain)
  const guestbook = guestbookControllers(domain, book, log)
  return [
    { method: 'GET', path: '/', controller: home.square },
    { method: 'GET', path: '/watch', controller: watchController(domain) },
    { method: 'GET', path: '/guestbook', controller: guestbook.show },
    { method: 'POST', path: '/guestbook', controller: guestbook.sign },
    { method: 'GET', path: '/guestbook/entries.json', controller: guestbook.entries },
    { method: 'GET', path: '/about', controller: home.about },
    { method: 'GET', path: '/about/request.json', controller: home.aboutJson },
    { method: 'GET', path: '/bytes/*', controller: bytesController },
    { method: 'GET', path: '/media/*', controller: mediaController(folder) },
    { method: 'GET', path: '/js/*', controller: jsController(folder) },
    { method: 'GET', path: '/css/*', controller: cssController(folder) },
  ]
}
