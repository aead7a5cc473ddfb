/**
 * Records of names, addresses, mail and services: RFC 1035 §3.3 and §3.4; RP, AFSDB and RT (RFC 1183); PX (RFC 2163);
 * AAAA (RFC 3596); SRV (RFC 2782); NAPTR (RFC 3403); KX (RFC 2230); DNAME (RFC 6672); URI (RFC 7553); SPF (RFC 7208 §3.1).
 *
 *     MX    | preference (2) | exchange: name |
 *     SRV   | priority (2) | weight (2) | port (2) | target: name |
 *     SOA   | mname: name | rname: name | serial (4) | refresh (4) | retry (4) | expire (4) | minimum (4) |
 *     NAPTR | order (2) | preference (2) | flags: string | services: string | regexp: string | replacement: name |
 *     URI   | priority (2) | weight (2) | target: octets to the end |
 *
 * Old senders compress names in some types. Those types need a layout, or a pointer would be passed on as if it were data
 * (RFC 3597 §4). That is why obsolete types such as MD and MINFO are listed.
 */
import { TYPE } from '../types.ts'
import { characterString, characterStrings, domainName, integer, ipv4, ipv6, remainingText, seconds, type Field } from './field.ts'

export const BASIC_LAYOUTS: readonly (readonly [number, readonly Field[]])[] = [
  [TYPE.A, [ipv4]],
  [TYPE.AAAA, [ipv6]],
  [TYPE.NS, [domainName('name server')]],
  [TYPE.MD, [domainName('name')]],
  [TYPE.MF, [domainName('name')]],
  [TYPE.CNAME, [domainName('canonical name')]],
  [TYPE.SOA, [domainName('mname'), domainName('rname'), integer('serial', 4), seconds('refresh'), seconds('retry'), seconds('expire'), seconds('minimum')]],
  [TYPE.MB, [domainName('name')]],
  [TYPE.MG, [domainName('name')]],
  [TYPE.MR, [domainName('name')]],
  [TYPE.PTR, [domainName('name')]],
  [TYPE.HINFO, [characterString('CPU'), characterString('operating system')]],
  [TYPE.MINFO, [domainName('responsible mailbox'), domainName('error mailbox')]],
  [TYPE.MX, [integer('preference', 2), domainName('mail exchange')]],
  [TYPE.TXT, [characterStrings('string')]],
  [TYPE.SPF, [characterStrings('string')]],
  [TYPE.RP, [domainName('mailbox', false), domainName('text name', false)]],
  [TYPE.AFSDB, [integer('subtype', 2), domainName('host', false)]],
  [TYPE.RT, [integer('preference', 2), domainName('intermediate host', false)]],
  [TYPE.PX, [integer('preference', 2), domainName('RFC 822 name', false), domainName('X.400 name', false)]],
  [TYPE.KX, [integer('preference', 2), domainName('exchanger', false)]],
  [TYPE.SRV, [integer('priority', 2), integer('weight', 2), integer('port', 2), domainName('target', false)]],
  [TYPE.NAPTR, [integer('order', 2), integer('preference', 2), characterString('flags'), characterString('services'), characterString('regexp'), domainName('replacement', false)]],
  [TYPE.DNAME, [domainName('target', false)]],
  [TYPE.URI, [integer('priority', 2), integer('weight', 2), remainingText('target', 1)]],
]
