/** Explains to the user why a connection could not be opened, or was lost, in the parts of a HamletError. */
import { formatEndpoint, type Endpoint } from '../kit/endpoint.ts'
import type { ErrorParts } from '../kit/errors.ts'
import type { CloseReason } from './core/events.ts'

/** @param timeoutMs how long the dialer waited */
export function closeError(reason: CloseReason, peer: Endpoint, timeoutMs = 0): ErrorParts {
  const name = formatEndpoint(peer)
  const unreached = {
    what: `${name} could not be reached over RUDP`, remedy: 'check that the server is running and listening on that UDP port', proof: `${reason} at connect ${name}`,
  }
  const lost = { code: 'connection-lost' as const, what: `The RUDP connection to ${name} was lost`, remedy: 'try again', proof: `${reason}, ${name}` }
  switch (reason) {
    case 'connect-timed-out': return { ...unreached, code: 'timed-out', why: `no answer within ${timeoutMs} ms` }
    case 'refused': return { ...unreached, code: 'connection-refused', why: 'it accepts no connections at the moment' }
    case 'no-common-version': return { ...unreached, code: 'refused', why: 'it speaks only other versions of RUDP' }
    case 'plain-only': return { ...unreached, code: 'refused', why: 'it does not offer encryption', remedy: 'start it with --encryption offered or required, or connect without --encrypt' }
    case 'encrypted-only': return { ...unreached, code: 'refused', why: 'it accepts encrypted connections only', remedy: 'connect with --encrypt' }
    case 'untrusted': return { ...unreached, code: 'identity-changed', why: 'it presented a different key than before, or an invalid one', remedy: 'compare the key with the one that the server prints' }
    case 'reset-by-peer': return { ...lost, why: 'the peer reset it' }
    case 'unknown-to-peer': return { ...lost, why: 'the peer no longer knows it, perhaps because it was restarted' }
    case 'idle': return { ...lost, why: 'nothing was received from the peer for too long', remedy: 'check the network and that the server is running, and try again' }
    case 'exhausted': return { ...lost, why: 'its packet numbers or its encryption key are used up' }
    case 'violation': return { ...lost, why: 'the peer violated the RUDP protocol' }
    case 'finished': return { ...lost, why: 'it had already ended' }
  }
}
