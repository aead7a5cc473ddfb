/**
 * Relay Agent Information, option 82 (RFC 3046): what a relay agent adds about the client, as a list of sub-options.
 * The server echoes the whole option in its reply (§2.2), and acts on two of the sub-options:
 *
 *     5    Link Selection (RFC 3527): the client's network, if giaddr is only the address to reach the relay by
 *     11   Server Identifier Override (RFC 5107): the address that the client should take for the server's, so that renewals go by the relay
 *
 * Circuit ID (1) and Remote ID (2), which name the client's port and line (RFC 3046 §3), are for network
 * administrators.
 */
import { uint32At } from './big-endian.ts'

const LINK_SELECTION = 5
const SERVER_IDENTIFIER_OVERRIDE = 11

export interface RelayAgent {
  /** An address in the client's subnet. */
  readonly linkSelection: number | undefined
  readonly serverIdentifierOverride: number | undefined
}

const NOTHING: RelayAgent = { linkSelection: undefined, serverIdentifierOverride: undefined }

/** Ignores sub-options that are truncated or of the wrong length. */
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
