/** The video page; media.ts serves the video itself. */
import type { Controller } from '../message.ts'
import { watchPage } from '../views/watch.ts'

export function watchController(domain: string): Controller {
  return ({ connection }) => watchPage({ domain, connection })
}
