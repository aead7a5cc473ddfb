/** Why a connection could not be had, or was lost, in the five parts that a person reads. */
import { formatEndpoint, type Endpoint } from '../kit/endpoint.ts'
import type { ErrorParts } from '../kit/errors.ts'
import type { CloseReason } from './core/events.ts'

/** @param timeoutMs how long a dialler waited */
export function closeError(reason: CloseReason, peer: Endpoint, timeoutMs = 0): ErrorParts {
  const name = formatEndpoint(peer)
  const unreached = {
    what: `${name} could not be reached by RUDP`, remedy: 'check that the server runs and listens on that UDP port', proof: `${reason} at connect ${name}`,
  }
  const lost = { code: 'connection-lost' as const, what: `The RUDP connection to ${name} was lost`, remedy: 'try again', proof: `${reason}, ${name}` }
  switch (reason) {
    case 'connect-timed-out': return { ...unreached, code: 'timed-out', why: `no answer within ${timeoutMs} ms` }
    case 'refused': return { ...unreached, code: 'connection-refused', why: 'it takes no connection now' }
    case 'no-common-version': return { ...unreached, code: 'refused', why: 'it speaks other versions of RUDP' }
    case 'plain-only': return { ...unreached, code: 'refused', why: 'it does not encrypt', remedy: 'start it with --encryption offered or required, or ask it without --encrypt' }
    case 'encrypted-only': return { ...unreached, code: 'refused', why: 'it takes encrypted connections only', remedy: 'ask it with --encrypt' }
    case 'untrusted': return { ...unreached, code: 'identity-changed', why: 'it shows another key than before, or none that is one', remedy: 'compare the key that it prints' }
    case 'reset-by-peer': return { ...lost, why: 'the other end broke it off' }
    case 'unknown-to-peer': return { ...lost, why: 'the other end does not know it any more: perhaps it was started anew' }
    case 'idle': return { ...lost, why: 'nothing was heard from the other end for too long', remedy: 'check the network and that the server runs, and try again' }
    case 'exhausted': return { ...lost, why: 'it used up its packet numbers or its key' }
    case 'violation': return { ...lost, why: 'the other end broke the rules of RUDP' }
    case 'finished': return { ...lost, why: 'it had ended' }
  }
}
