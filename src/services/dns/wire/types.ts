/**
 * Numbers and mnemonics of record types, classes, opcodes and response codes (IANA "DNS Parameters", assigned under
 * RFC 6895). A number without a mnemonic here is written as TYPE731, CLASS32 (RFC 3597 §5), RCODE24 or OPCODE3.
 */

export const TYPE = {
  A: 1, NS: 2, MD: 3, MF: 4, CNAME: 5, SOA: 6, MB: 7, MG: 8, MR: 9, NULL: 10, WKS: 11, PTR: 12, HINFO: 13, MINFO: 14, MX: 15, TXT: 16, RP: 17, AFSDB: 18, X25: 19, ISDN: 20,
  RT: 21, SIG: 24, KEY: 25, PX: 26, AAAA: 28, LOC: 29, SRV: 33, NAPTR: 35, KX: 36, CERT: 37, DNAME: 39, OPT: 41, APL: 42, DS: 43, SSHFP: 44, IPSECKEY: 45, RRSIG: 46, NSEC: 47,
  DNSKEY: 48, DHCID: 49, NSEC3: 50, NSEC3PARAM: 51, TLSA: 52, SMIMEA: 53, HIP: 55, CDS: 59, CDNSKEY: 60, OPENPGPKEY: 61, CSYNC: 62, ZONEMD: 63, SVCB: 64, HTTPS: 65, SPF: 99,
  EUI48: 108, EUI64: 109, TKEY: 249, TSIG: 250, IXFR: 251, AXFR: 252, ANY: 255, URI: 256, CAA: 257,
} as const

/** NONE and ANY are not classes of data: an update uses them to mark removals and conditions (RFC 2136 §2.4, §2.5). */
export const CLASS = { IN: 1, CH: 3, HS: 4, NONE: 254, ANY: 255 } as const

/** RFC 1035 §4.1.1, RFC 1996 (NOTIFY), RFC 2136 (UPDATE). */
export const OPCODE = { QUERY: 0, IQUERY: 1, STATUS: 2, NOTIFY: 4, UPDATE: 5 } as const
export const OPCODE_QUERY = OPCODE.QUERY

/**
 * RFC 1035 §4.1.1; from YXDOMAIN on, RFC 2136 §2.2. Codes above 15 do not fit the header. They are carried in an OPT record
 * (BADVERS, RFC 6891 §9; BADCOOKIE, RFC 7873 §8) or in the error field of a TSIG record, where 16 means BADSIG (RFC 8945 §4.2).
 */
export const RCODE = {
  NOERROR: 0, FORMERR: 1, SERVFAIL: 2, NXDOMAIN: 3, NOTIMP: 4, REFUSED: 5, YXDOMAIN: 6, YXRRSET: 7, NXRRSET: 8, NOTAUTH: 9, NOTZONE: 10,
  BADVERS: 16, BADSIG: 16, BADKEY: 17, BADTIME: 18, BADMODE: 19, BADNAME: 20, BADALG: 21, BADTRUNC: 22, BADCOOKIE: 23,
} as const

const typeNumbers = new Map<string, number>(Object.entries(TYPE))
const typeNames = namesOf(TYPE)
const classNames = namesOf(CLASS)
const opcodeNames = namesOf(OPCODE)
const rcodeNames = namesOf(RCODE)

/** `A`, `AAAA`; `TYPE731` for a type without a mnemonic here (RFC 3597 §5). */
export function formatType(type: number): string {
  return typeNames.get(type) ?? `TYPE${type}`
}

/** The number of `A`, `aaaa` or `TYPE731`; undefined for anything else. */
export function parseType(text: string): number | undefined {
  const upper = text.toUpperCase()
  const named = typeNumbers.get(upper)
  if (named !== undefined) return named
  const digits = /^TYPE(\d{1,5})$/.exec(upper)?.[1]
  return digits !== undefined && Number(digits) <= 0xffff ? Number(digits) : undefined
}

/** `IN`; `CLASS32` for a class without a mnemonic here. */
export function formatClass(number: number): string {
  return classNames.get(number) ?? `CLASS${number}`
}

/** `QUERY`, `UPDATE`; `OPCODE3` for one without a mnemonic here. */
export function formatOpcode(opcode: number): string {
  return opcodeNames.get(opcode) ?? `OPCODE${opcode}`
}

/** `NXDOMAIN`; 16 is BADVERS. */
export function formatRcode(rcode: number): string {
  return rcodeNames.get(rcode) ?? `RCODE${rcode}`
}

/** QTYPEs and meta-types (RFC 6895 §3.1), which only questions or the message itself use: no zone holds such a record. */
export function isMetaType(type: number): boolean {
  return type === 0 || type === TYPE.OPT || (type >= 128 && type <= 255)
}

/** The first mnemonic of each number wins: 16 is BADVERS, not BADSIG. */
function namesOf(numbers: Readonly<Record<string, number>>): ReadonlyMap<number, string> {
  return new Map(Object.entries(numbers).reverse().map(([name, number]) => [number, name]))
}
