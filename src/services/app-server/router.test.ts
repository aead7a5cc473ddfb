import { expect, test } from 'vitest'
import { emptyResponse, type Controller } from './message.ts'
import { matchRoute, type Route } from './router.ts'

const home: Controller = () => emptyResponse(200)
const show: Controller = () => emptyResponse(200)
const sign: Controller = () => emptyResponse(200)
const media: Controller = () => emptyResponse(200)
const routes: readonly Route[] = [
  { method: 'GET', path: '/', controller: home },
  { method: 'GET', path: '/guestbook', controller: show },
  { method: 'POST', path: '/guestbook', controller: sign },
  { method: 'GET', path: '/media/*', controller: media },
]

test.each([
  ['GET', [''], home],
  ['HEAD', [''], home],
  ['GET', ['guestbook'], show],
  ['HEAD', ['guestbook'], show],
  ['POST', ['guestbook'], sign],
  ['GET', ['media', 'film.webm'], media],
  ['GET', ['media', 'a', 'b'], media],
])('%s %j goes to its controller', (method, segments, controller) => {
  const match = matchRoute(routes, method, segments)
  expect(match.kind === 'found' && match.controller).toBe(controller)
})

test.each([[['nobody']], [['guestbook', '']], [['guestbook', 'x']], [['media']], [['', '']], [['GUESTBOOK']]])('%j is absent', segments => {
  expect(matchRoute(routes, 'GET', segments)).toEqual({ kind: 'absent' })
})

test.each([
  ['POST', [''], { kind: 'not-allowed', allow: 'GET, HEAD, OPTIONS' }],
  ['DELETE', ['guestbook'], { kind: 'not-allowed', allow: 'GET, HEAD, POST, OPTIONS' }],
  ['OPTIONS', ['guestbook'], { kind: 'options', allow: 'GET, HEAD, POST, OPTIONS' }],
  ['OPTIONS', [], { kind: 'options', allow: 'GET, HEAD, POST, OPTIONS' }],
])('%s %j lists the allowed methods', (method, segments, match) => {
  expect(matchRoute(routes, method, segments)).toEqual(match)
})
