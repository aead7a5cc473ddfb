/** Pages without a model: the village square and "About this page". */
import { jsonResponse, type Controller } from '../message.ts'
import { aboutPage, requestFacts } from '../views/about.ts'
import { homePage } from '../views/home.ts'

export function homeControllers(domain: string): { readonly square: Controller; readonly about: Controller; readonly aboutJson: Controller } {
  return {
    square: ({ connection }) => homePage({ domain, connection }),
    about: request => aboutPage({ domain, connection: request.connection }, requestFacts(request)),
    aboutJson: request => jsonResponse(200, requestFacts(request)),
  }
}
