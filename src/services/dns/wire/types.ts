/** Numbers and names of record types, classes and response codes (IANA "DNS Parameters"). */

export const TYPE = {
  A: 1, NS: 2, CNAME: 5, SOA: 6, PTR: 12, HINFO: 13, MX: 15, TXT: 16, AAAA: 28, SRV: 33, NAPTR: 35, OPT: 41, DS: 43, SSHFP: 44, RRSIG: 46,
  NSEC: 47, DNSKEY: 48, TLSA: 52, SVCB: 64, HTTPS: 65, TSIG: 250, IXFR: 251, AXFR: 252, ANY: 255, CAA: 257,
} as const

/** NONE and ANY stand in updates and their prerequisites (RFC 2136 §2.4). */
export const CLASS = { IN: 1, CH: 3, NONE: 254, ANY: 255 } as const

/** RFC 1035 §4.1.1 and RFC 2136 §2.2; BADVERS needs EDNS (RFC 6891 §9). */
export const RCODE = { NOERROR: 0, FORMERR: 1, SERVFAIL: 2, NXDOMAIN: 3, NOTIMP: 4, REFUSED: 5, YXDOMAIN: 6, YXRRSET: 7, NXRRSET: 8, NOTAUTH: 9, NOTZONE: 10, BADVERS: 16 } as const

/** What a message asks for (RFC 1035 §4.1.1, RFC 1996 §3.3, RFC 2136 §1.3). */
export const OPCODE = { QUERY: 0, NOTIFY: 4, UPDATE: 5 } as const
export const OPCODE_QUERY = OPCODE.QUERY

const typeNames = new Map<number, string>(Object.entries(TYPE).map(([name, value]) => [value, name]))
const rcodeNames = new Map<number, string>(Object.entries(RCODE).map(([name, value]) => [value, name]))

/** `A`, `AAAA`; `TYPE731` for a type without a name here (RFC 3597 §5). */
export function formatType(type: number): string {
  return typeNames.get(type) ?? `TYPE${type}`
}

/** The number of `A`, `aaaa`, `TYPE731`; undefined for what is no type. */
export function parseType(text: string): number | undefined {
  const upper = text.toUpperCase()
  const named = Object.entries(TYPE).find(([name]) => name === upper)
  if (named !== undefined) return named[1]
  const digits = /^TYPE(\d{1,5})$/.exec(upper)?.[1]
  return digits !== undefined && Number(digits) <= 0xffff ? Number(digits) : undefined
}

export function formatRcode(rcode: number): string {
  return rcodeNames.get(rcode) ?? `RCODE${rcode}`
}

/** Types that only questions have or that serve the transfer itself (RFC 6895 §3.1): no zone holds such a record. */
export function isMetaType(type: number): boolean {
  return type === 0 || type === TYPE.OPT || (type >= 128 && type <= 255)
}
