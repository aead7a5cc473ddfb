/** Parses what is typed into the address bar. */
import type { Transport } from '../../services/client/contract.ts'

export type ParsedAddress =
  | { readonly kind: 'open'; readonly url: string; readonly transport?: Transport }
  | { readonly kind: 'refused'; readonly sentence: string }

const ADDRESS_LENGTH_MAX = 2048

/**
 * `my-app.home` → `http://my-app.home/`; `rudp://host:9000/x` → `http://host:9000/x` over RUDP. Inside Hamlet an address is
 * always http, and the transport is a switch beside it. There is no search engine: other text is refused with a sentence.
 */
export function parseAddress(typed: string): ParsedAddress {
  const text = typed.trim()
  if (text === '') return refused('Type a name, such as my-app.home.')
  if (text.length > ADDRESS_LENGTH_MAX) return refused(`This address is too long. The limit is ${ADDRESS_LENGTH_MAX} characters.`)
  if (/\s/.test(text)) return refused('This is not an address, and Hamlet has no search engine. Type a name, such as my-app.home.')
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(text)?.[1]?.toLowerCase()
  const opaque = /^([a-z][a-z0-9+.-]*):(?!\d|\/\/)/i.exec(text)?.[1]
  if (opaque !== undefined) return refused(`Hamlet does not open ${opaque}: addresses. It opens http, https and rudp.`)
  switch (scheme) {
    case undefined: return opened(`http://${text}`)
    case 'http': case 'https': return opened(text)
    case 'rudp': return parseRudp(text.slice('rudp://'.length))
    default: return refused(`Hamlet does not open ${scheme}:// addresses. It opens http, https and rudp.`)
  }
}

/**
 * Parses an address that a page cannot navigate to by itself. It is always
 * complete: `tel:123` is not a name with a port.
 */
export function parsePageAddress(url: string): ParsedAddress {
  return url.startsWith('rudp://') ? parseAddress(url) : refused(`Hamlet does not open ${url.slice(0, url.indexOf(':') + 1)} addresses. It opens http, https and rudp.`)
}

function parseRudp(rest: string): ParsedAddress {
  // An http URL drops :80, so the port would silently become the one in DNS, or 8080.
  if (/^[^/?#]*:80([/?#]|$)/.test(rest)) return refused('A RUDP address cannot name port 80. Leave out :80 to use the port from DNS.')
  const parsed = opened(`http://${rest}`)
  return parsed.kind === 'open' ? { ...parsed, transport: 'rudp' } : parsed
}

function opened(address: string): ParsedAddress {
  try {
    const url = new URL(address)
    if (url.hostname === '') return refused('An address needs a name, such as my-app.home.')
    return { kind: 'open', url: url.href }
  } catch {
    return refused(`“${address.replace(/^https?:\/\//i, '')}” is not an address. Type a name, such as my-app.home.`)
  }
}

const refused = (sentence: string): ParsedAddress => ({ kind: 'refused', sentence })
