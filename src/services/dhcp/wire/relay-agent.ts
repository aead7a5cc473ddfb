/**
 * What a relay tells the server about the client it speaks for: option 82 (RFC 3046), a list of sub-options of its own. The
 * server repeats the whole option in its answer, unread (§2.2); three sub-options matter to it:
 *
 *     5   link selection (RFC 3527): the client's network, where giaddr is only the way back to the relay
 *     11  server identifier override (RFC 5107): the relay stands in for the server, so that renewals come through it
 *     1   circuit, 2 remote (RFC 3046 §3): the port and line of the client, for people
 */
import { uint32At } from './big-endian.ts'

const LINK_SELECTION = 5
const SERVER_IDENTIFIER_OVERRIDE = 11

export interface RelayAgent {
  /** An address in the client's network. */
  readonly linkSelection: number | undefined
  readonly serverIdentifierOverride: number | undefined
}

const NOTHING: RelayAgent = { linkSelection: undefined, serverIdentifierOverride: undefined }

/** Sub-options that are cut or of the wrong length say nothing. */
export function decodeRelayAgent(option: Uint8Array | undefined): RelayAgent {
  if (option === undefined) return NOTHING
  const found = new Map<number, number>()
  for (let at = 0; at + 2 <= option.length;) {
    const length = option[at + 1] ?? 0
    if (length === 4 && at + 6 <= option.length) found.set(option[at] ?? 0, uint32At(option, at + 2))
    at += 2 + length
  }
  return { linkSelection: found.get(LINK_SELECTION), serverIdentifierOverride: found.get(SERVER_IDENTIFIER_OVERRIDE) }
}
