/** What a person means by what they typed in the address bar. */
import type { Transport } from '../../services/client/contract.ts'

export type AddressReading =
  | { readonly kind: 'open'; readonly url: string; readonly transport?: Transport }
  | { readonly kind: 'refused'; readonly sentence: string }

const ADDRESS_LENGTH_MAX = 2048

/**
 * `my-app.home` → `http://my-app.home/`; `rudp://host:9000/x` → `http://host:9000/x` over RUDP: inside Hamlet an address is always
 * http, and the transport is a switch beside it. There is no search engine: what is no address is refused with a sentence.
 */
export function readAddress(typed: string): AddressReading {
  const text = typed.trim()
  if (text === '') return refused('Type a name, such as my-app.home.')
  if (text.length > ADDRESS_LENGTH_MAX) return refused(`An address has at most ${ADDRESS_LENGTH_MAX} characters.`)
  if (/\s/.test(text)) return refused('That is not an address, and Hamlet has no search engine. Type a name, such as my-app.home.')
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(text)?.[1]?.toLowerCase()
  const opaque = /^([a-z][a-z0-9+.-]*):(?!\d|\/\/)/i.exec(text)?.[1]
  if (opaque !== undefined) return refused(`Hamlet does not open ${opaque}: addresses. It opens http, https and rudp.`)
  switch (scheme) {
    case undefined: return opened(`http://${text}`)
    case 'http': case 'https': return opened(text)
    case 'rudp': return readRudp(text.slice('rudp://'.length))
    default: return refused(`Hamlet does not open ${scheme}:// addresses. It opens http, https and rudp.`)
  }
}

/** What a page means that cannot go there by itself. It says whole addresses: `tel:123` is no name with a port. */
export function readPageAddress(url: string): AddressReading {
  return url.startsWith('rudp://') ? readAddress(url) : refused(`Hamlet does not open ${url.slice(0, url.indexOf(':') + 1)} addresses. It opens http, https and rudp.`)
}

function readRudp(rest: string): AddressReading {
  // An http address loses its :80, so the port would silently become the one that DNS tells, or 8080.
  if (/^[^/?#]*:80([/?#]|$)/.test(rest)) return refused('RUDP port 80 cannot be told from no port at all. Leave :80 out: DNS tells the port.')
  const reading = opened(`http://${rest}`)
  return reading.kind === 'open' ? { ...reading, transport: 'rudp' } : reading
}

function opened(address: string): AddressReading {
  try {
    const url = new URL(address)
    if (url.hostname === '') return refused('An address needs a name, such as my-app.home.')
    return { kind: 'open', url: url.href }
  } catch {
    return refused(`“${address.replace(/^https?:\/\//i, '')}” is not an address. Type a name, such as my-app.home.`)
  }
}

const refused = (sentence: string): AddressReading => ({ kind: 'refused', sentence })
