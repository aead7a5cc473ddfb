/**
 * The EDNS options that Hamlet knows (IANA "DNS EDNS0 Option Codes"), among them Extended DNS Errors, which give more detail
 * than an rcode (RFC 8914): info-code (2) and text in UTF-8.
 */
import { formatIpv4, formatIpv6 } from '../../kit/ip-address.ts'
import { formatHex } from './base-encodings.ts'
import type { EdnsOption } from './edns.ts'
import { formatOctet } from './name.ts'

/**
 * NSID: RFC 5001. ECS: RFC 7871. COOKIE: RFC 7873. KEEPALIVE: RFC 7828. PADDING: RFC 7830. EDE: RFC 8914. PROVENANCE is
 * Hamlet's own, from the range for local use (RFC 6891 §9). Empty in a query, it asks how the server knows its
 * answer; the response carries one line of text.
 */
export const OPTION = { NSID: 3, ECS: 8, EXPIRE: 9, COOKIE: 10, KEEPALIVE: 11, PADDING: 12, CHAIN: 13, EDE: 15, PROVENANCE: 65_001 } as const

/** RFC 8914 §4; from SIGNATURE_EXPIRED_BEFORE_VALID on, registered since. */
export const EDE = {
  OTHER: 0, UNSUPPORTED_DNSKEY_ALGORITHM: 1, UNSUPPORTED_DS_DIGEST_TYPE: 2, STALE_ANSWER: 3, FORGED_ANSWER: 4, DNSSEC_INDETERMINATE: 5, DNSSEC_BOGUS: 6,
  SIGNATURE_EXPIRED: 7, SIGNATURE_NOT_YET_VALID: 8, DNSKEY_MISSING: 9, RRSIGS_MISSING: 10, NO_ZONE_KEY_BIT_SET: 11, NSEC_MISSING: 12, CACHED_ERROR: 13, NOT_READY: 14,
  BLOCKED: 15, CENSORED: 16, FILTERED: 17, PROHIBITED: 18, STALE_NXDOMAIN_ANSWER: 19, NOT_AUTHORITATIVE: 20, NOT_SUPPORTED: 21, NO_REACHABLE_AUTHORITY: 22, NETWORK_ERROR: 23,
  INVALID_DATA: 24, SIGNATURE_EXPIRED_BEFORE_VALID: 25, TOO_EARLY: 26, UNSUPPORTED_NSEC3_ITERATIONS: 27, UNABLE_TO_CONFORM_TO_POLICY: 28, SYNTHESIZED: 29,
} as const

const TEXT_CHARACTERS_MAX = 200

const optionNames = new Map<number, string>(Object.entries(OPTION).map(([name, code]) => [code, name]))
const errorNames = new Map<number, string>(Object.entries(EDE).map(([name, code]) => [code, name.toLowerCase().replace(/_/g, ' ')]))

export interface ExtendedError {
  readonly infoCode: number
  /** For people, not for programs (RFC 8914 §2). */
  readonly text: string
}

/** The text must be ASCII, as all of Hamlet's are. */
export function extendedErrorOption({ infoCode, text }: ExtendedError): EdnsOption {
  return { code: OPTION.EDE, bytes: Uint8Array.of(infoCode >>> 8, infoCode & 255, ...encodeText(text)) }
}

/** The extended errors among the options, in order. One too short for a code is ignored. */
export function extendedErrorsOf(options: readonly EdnsOption[]): ExtendedError[] {
  return options.filter(({ code, bytes }) => code === OPTION.EDE && bytes.length >= 2)
    .map(({ bytes }) => ({ infoCode: (bytes[0] ?? 0) * 0x100 + (bytes[1] ?? 0), text: printable(bytes.subarray(2)) }))
}

/** The idle timeout of a connection, in units of 100 ms (RFC 7828 §3.1). */
export function keepaliveOption(idleMs: number): EdnsOption {
  const tenths = Math.floor(idleMs / 100)
  return { code: OPTION.KEEPALIVE, bytes: Uint8Array.of(tenths >>> 8, tenths & 255) }
}

/** @param text ASCII; empty in a query, to request it */
export function provenanceOption(text: string): EdnsOption {
  return { code: OPTION.PROVENANCE, bytes: encodeText(text) }
}

/** The line in which a server says how it knows its answer; empty if it does not say. */
export function provenanceOf(options: readonly EdnsOption[]): string {
  const bytes = options.find(({ code }) => code === OPTION.PROVENANCE)?.bytes
  return bytes === undefined ? '' : printable(bytes)
}

/** `stale answer`; `code 4711` for an unknown code. */
export function formatExtendedError(infoCode: number): string {
  return errorNames.get(infoCode) ?? `code ${infoCode}`
}

/**
 * An option as text: `COOKIE 0102030405060708`, `EDE 3 (stale answer): text`, `PADDING 32 octets`. Unknown options are in
 * hex.
 */
export function formatOption(option: EdnsOption): string {
  const { code, bytes } = option
  return `${optionNames.get(code) ?? `OPT${code}`}${formatValue(option) ?? (bytes.length === 0 ? '' : ` ${formatHex(bytes)}`)}`
}

function formatValue(option: EdnsOption): string | undefined {
  const { code, bytes } = option
  if (code === OPTION.PADDING) return ` ${bytes.length} octets`
  if (code === OPTION.KEEPALIVE && bytes.length === 2) return ` ${((bytes[0] ?? 0) * 0x100 + (bytes[1] ?? 0)) / 10} s`
  if (code === OPTION.ECS) return formatClientSubnet(bytes)
  if (code === OPTION.PROVENANCE && bytes.length > 0) return ` ${printable(bytes)}`
  const [error] = extendedErrorsOf([option])
  return error === undefined ? undefined : ` ${error.infoCode} (${formatExtendedError(error.infoCode)})${error.text === '' ? '' : `: ${error.text}`}`
}

/**
 * Family (2), source prefix length (1), scope prefix length (1), as many address octets as the prefix needs (RFC 7871
 * §6).
 */
function formatClientSubnet(bytes: Uint8Array): string | undefined {
  const family = (bytes[0] ?? 0) * 0x100 + (bytes[1] ?? 0)
  const addressBytes = family === 1 ? 4 : 16
  if (bytes.length < 4 || family < 1 || family > 2 || bytes.length - 4 > addressBytes) return undefined
  const address = new Uint8Array(addressBytes)
  address.set(bytes.subarray(4))
  const [first = 0, second = 0, third = 0, fourth = 0] = address
  return ` ${family === 1 ? formatIpv4(((first << 24) | (second << 16) | (third << 8) | fourth) >>> 0) : formatIpv6(address)}/${bytes[2] ?? 0}/${bytes[3] ?? 0}`
}

/** Hamlet's own texts are ASCII. */
function encodeText(text: string): Uint8Array {
  return Uint8Array.from(text.slice(0, TEXT_CHARACTERS_MAX), character => character.charCodeAt(0) & 127)
}

/** Text from the network, truncated and escaped for display. */
function printable(octets: Uint8Array): string {
  let text = ''
  for (const octet of octets.subarray(0, TEXT_CHARACTERS_MAX)) text += formatOctet(octet, '\\')
  return text
}
