/** The video page; the bytes of the video are media.ts's. */
import type { Controller } from '../message.ts'
import { watchPage } from '../views/watch.ts'

export function watchController(domain: string): Controller {
  return ({ connection }) => watchPage({ domain, connection })
}
