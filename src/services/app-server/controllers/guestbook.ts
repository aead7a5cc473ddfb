/** The guestbook: read as a page or as JSON, signed from a form or a script. */
import { URLSearchParams } from 'node:url'
import { oneLine } from '../../kit/errors.ts'
import { emptyResponse, jsonResponse, problem, type Controller, type HttpRequest, type HttpResponse } from '../message.ts'
import { guestbookDraft, type Guestbook, type GuestbookDraft } from '../models/guestbook.ts'
import { checkPreconditions } from '../preconditions.ts'
import { EMPTY_FORM, guestbookPage, type GuestbookForm } from '../views/guestbook.ts'

export function guestbookControllers(domain: string, book: Guestbook, log: (text: string) => void): { readonly show: Controller; readonly entries: Controller; readonly sign: Controller } {
  return {
    show: ({ connection }) => guestbookPage({ domain, connection }, book.entries(), EMPTY_FORM, 200),
    entries: () => jsonResponse(200, { entries: book.entries() }),
    async sign(request) {
      if (isCrossSite(request)) return problem(403, 'The guestbook can be signed from its own page only.')
      const wantsJson = request.headers.accept === 'application/json'
      const typed = readForm(request)
      if (typed === undefined) return problem(415, 'Send the fields "name" and "message" as a form (application/x-www-form-urlencoded).')
      if (checkPreconditions(request, undefined) !== 'proceed') return problem(412, 'The guestbook exists and has no version to compare.')
      const draft = guestbookDraft.safeParse(typed)
      if (!draft.success) {
        const faults: GuestbookForm['faults'] = Object.fromEntries(draft.error.issues.map(({ path, message }) => [String(path[0]), message]))
        return wantsJson ? jsonResponse(422, { faults }) : guestbookPage({ domain, connection: request.connection }, book.entries(), { ...typed, faults }, 422)
      }
      return await keep(draft.data, request, wantsJson)
    },
  }

  async function keep(draft: GuestbookDraft, { receivedAtMs }: HttpRequest, wantsJson: boolean): Promise<HttpResponse> {
    try {
      const entry = await book.sign(draft, receivedAtMs)
      return wantsJson ? jsonResponse(201, { entry }) : emptyResponse(303, { location: `/guestbook#entry-${entry.id}` })
    } catch (error) {
      log(oneLine(error))
      return problem(500, 'Your entry could not be saved: the server\'s disk failed.')
    }
  }
}

/** The fields of a form as browsers send it; a missing field is empty. */
function readForm({ headers, body }: HttpRequest): GuestbookDraft | undefined {
  if (!/^application\/x-www-form-urlencoded\b/i.test(headers['content-type'] ?? '')) return undefined
  const fields = new URLSearchParams(Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString())
  return { name: fields.get('name') ?? '', message: fields.get('message') ?? '' }
}

/**
 * Whether another site's page made the browser send this. The port is ignored, since a gateway may change it. Tools
 * such as curl send neither field and may sign.
 */
function isCrossSite({ headers }: HttpRequest): boolean {
  if (headers['sec-fetch-site'] === 'cross-site') return true
  const { origin } = headers
  return origin !== undefined && hostName(/^https?:\/\/(.*)$/.exec(origin)?.[1]) !== hostName(headers.host)
}

/** `My-App.home:8080` → `my-app.home`. */
function hostName(host: string | undefined): string | undefined {
  return host?.replace(/:\d*$/, '').toLowerCase()
}
