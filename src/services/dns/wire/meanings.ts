/**
 * What each field of a DNS message means, in a sentence or two, and which RFC says so: shown next to a message taken
 * apart by dissect.ts.
 */
import { meant, type Field, type Meaning } from '../../kit/dissection.ts'

const UPDATE = 'RFC 2136 §2'
const HEADER = 'RFC 1035 §4.1.1'
const QUESTION = 'RFC 1035 §4.1.2'
const RECORD = 'RFC 1035 §4.1.3'
const SECTIONS = 'RFC 1035 §4.1'

const FIELDS: Readonly<Record<string, Meaning>> = {
  id: { says: 'Chosen at random by the client and copied into the response, which matches the two; a forger has to guess it.', source: `${HEADER}, RFC 5452 §4.3` },
  flags: { says: 'Two octets of bits: the kind of message, what the client asks of the server, and the outcome.', source: HEADER },
  qr: { says: '0 in a query, 1 in a response.', source: HEADER },
  opcode: { says: 'The kind of request, copied into the response.', source: HEADER },
  aa: { says: 'Authoritative answer: the server holds the zone of this name and did not learn the answer from another server.', source: HEADER },
  tc: { says: 'Truncated: the response did not fit in a UDP datagram. The client retries over TCP to get all of it.', source: `${HEADER}, RFC 2181 §9` },
  rd: { says: 'Recursion desired: if the server does not have the answer, it should query other servers. Copied into the response.', source: HEADER },
  ra: { says: 'Recursion available: the server queries other servers for this client.', source: HEADER },
  ad: { says: 'Authentic data. In a response: all of it was validated with DNSSEC. In a query: the client wants to know whether it was.', source: 'RFC 4035 §3.2.3, RFC 6840 §5.7' },
  cd: { says: 'Checking disabled: the client validates DNSSEC itself, so the server should also return data that fails validation.', source: 'RFC 4035 §3.2.2' },
  rcode: { says: 'The outcome of the request.', source: HEADER },
  questions: { says: 'The number of questions; in practice, one.', source: HEADER },
  answers: { says: 'The number of records that answer the question.', source: HEADER },
  authorities: { says: 'The number of records that describe the zone or name its servers.', source: HEADER },
  additionals: { says: 'The number of records that may help the client, or that belong to the message itself.', source: HEADER },
  zones: { says: 'The number of zones to change: one.', source: `${UPDATE}.2` },
  prerequisites: { says: 'The number of conditions. Unless all hold, nothing changes.', source: `${UPDATE}.2` },
  updates: { says: 'The number of changes. All are made, or none.', source: `${UPDATE}.2` },
  question: { says: 'The question: a name, and the type of records wanted.', source: QUESTION },
  answer: { says: 'A record that answers the question, or an alias that leads to one.', source: SECTIONS },
  authority: { says: 'A record about the zone: its servers, or its SOA, which says how long “no such name” may be cached.', source: `${SECTIONS}, RFC 2308 §3` },
  additional: { says: 'A record that saves another query, or that belongs to the message itself, as OPT and TSIG do.', source: `${SECTIONS}, RFC 6891 §6.1.1` },
  zone: { says: 'The zone to change.', source: `${UPDATE}.3` },
  prerequisite: { says: 'A condition: records that must exist, or must not, for the changes to be made.', source: `${UPDATE}.4` },
  update: { says: 'A record to add or, with class ANY or NONE, records to remove.', source: `${UPDATE}.5` },
  qname: { says: 'The name in question: labels, each preceded by its length, and an empty one at the end. Case is ignored; mixed at random, it is one more thing for a forger to guess.', source: `${QUESTION}, §3.1, draft-vixie-dnsext-dns0x20` },
  qtype: { says: 'The type of records wanted.', source: QUESTION },
  qclass: { says: 'The class: IN, the internet.', source: QUESTION },
  name: { says: 'The owner of the record. Usually a pointer: two octets with the offset of an earlier copy of the name in the message.', source: `${RECORD}, §4.1.4` },
  type: { says: 'The kind of data that follows.', source: RECORD },
  class: { says: 'The class: IN, the internet. Updates use ANY and NONE for conditions and removals.', source: `${RECORD}, ${UPDATE}.5` },
  ttl: { says: 'Time to live: how long the record may be cached.', source: `${RECORD}, RFC 2181 §8` },
  rdlength: { says: 'The length of the data that follows, in octets.', source: RECORD },
  rdata: { says: 'The data itself; its form depends on the type.', source: RECORD },
  'udp payload size': { says: 'The longest message that the sender accepts over UDP. Other records have their class here.', source: 'RFC 6891 §6.1.2' },
  'extended rcode and flags': { says: 'The upper bits of the rcode, the EDNS version, and DO: the client wants DNSSEC records. Other records have their TTL here.', source: 'RFC 6891 §6.1.3' },
  'option 3': { says: 'NSID: which of several servers behind one address answered.', source: 'RFC 5001 §2' },
  'option 8': { says: 'ECS: the network of the client, for answers that depend on its location.', source: 'RFC 7871 §6' },
  'option 9': { says: 'EXPIRE: how long a secondary may still use its copy of the zone.', source: 'RFC 7314 §2' },
  'option 10': { says: 'COOKIE: repeated in each query, it distinguishes a client seen at its address before from a sender that forges the address.', source: 'RFC 7873 §4' },
  'option 11': { says: 'KEEPALIVE: how long an idle TCP connection stays open.', source: 'RFC 7828 §3' },
  'option 12': { says: 'PADDING: makes encrypted messages equally long, so that their length reveals nothing.', source: 'RFC 7830 §3' },
  'option 15': { says: 'EDE: an explanation of the outcome, for people.', source: 'RFC 8914 §2' },
  'option 65001': { says: 'Hamlet’s own: how the server knows its answer.', source: 'RFC 6891 §9, for local use' },
  ignored: { says: 'Octets after the last record: not part of the message.', source: SECTIONS },
}

const RCODES: Readonly<Record<string, Meaning>> = {
  NOERROR: { says: 'NOERROR: success. If the answer is empty, the name exists but has no records of this type.', source: 'RFC 2308 §2.2' },
  FORMERR: { says: 'FORMERR: the server could not read the query.', source: HEADER },
  SERVFAIL: { says: 'SERVFAIL: the server could not find the answer, or has a problem of its own.', source: HEADER },
  NXDOMAIN: { says: 'NXDOMAIN: there is no such name, and nothing below it.', source: `${HEADER}, RFC 8020 §2` },
  NOTIMP: { says: 'NOTIMP: the server does not support this kind of request.', source: HEADER },
  REFUSED: { says: 'REFUSED: the server does not do this for this client.', source: HEADER },
  YXDOMAIN: { says: 'YXDOMAIN: a name exists that should not.', source: `${UPDATE}.2` },
  YXRRSET: { says: 'YXRRSET: records exist that should not.', source: `${UPDATE}.2` },
  NXRRSET: { says: 'NXRRSET: records that should exist do not.', source: `${UPDATE}.2` },
  NOTAUTH: { says: 'NOTAUTH: the server has no such zone, or the signature is wrong.', source: `${UPDATE}.2, RFC 8945 §5.2` },
  NOTZONE: { says: 'NOTZONE: a name in the update is not in the zone.', source: `${UPDATE}.2` },
}

const OPCODES: Readonly<Record<string, Meaning>> = {
  QUERY: { says: 'QUERY: look up records.', source: HEADER },
  NOTIFY: { says: 'NOTIFY: the zone has changed; transfer it.', source: 'RFC 1996 §3' },
  UPDATE: { says: 'UPDATE: change this zone.', source: `${UPDATE}.2` },
}

const TYPES: Readonly<Record<string, Meaning>> = {
  A: { says: 'A: an IPv4 address.', source: 'RFC 1035 §3.4.1' },
  AAAA: { says: 'AAAA: an IPv6 address.', source: 'RFC 3596 §2.1' },
  NS: { says: 'NS: a name server of the zone that begins at this name.', source: 'RFC 1035 §3.3.11' },
  CNAME: { says: 'CNAME: the name is an alias; its records are found under another name.', source: 'RFC 1035 §3.3.1' },
  DNAME: { says: 'DNAME: all names below this one are aliases of those below another.', source: 'RFC 6672 §2' },
  SOA: { says: 'SOA: the start of a zone: its serial number, and how often secondaries check for changes.', source: 'RFC 1035 §3.3.13' },
  PTR: { says: 'PTR: points to a name; used to find the name of an address.', source: 'RFC 1035 §3.3.12' },
  MX: { says: 'MX: the host that accepts mail for this name.', source: 'RFC 1035 §3.3.9' },
  TXT: { says: 'TXT: text.', source: 'RFC 1035 §3.3.14' },
  SRV: { says: 'SRV: the host and port of a service.', source: 'RFC 2782' },
  HTTPS: { says: 'HTTPS: how to reach a web server: protocols, ports, keys.', source: 'RFC 9460 §9' },
  SVCB: { says: 'SVCB: how to reach a service: protocols, ports, keys.', source: 'RFC 9460 §2' },
  CAA: { says: 'CAA: who may issue certificates for this name.', source: 'RFC 8659 §4' },
  DS: { says: 'DS: the digest of a key that signs the child zone.', source: 'RFC 4034 §5' },
  DNSKEY: { says: 'DNSKEY: a public key of the zone.', source: 'RFC 4034 §2' },
  RRSIG: { says: 'RRSIG: the signature of a set of records.', source: 'RFC 4034 §3' },
  NSEC: { says: 'NSEC: the next name in the zone; nothing exists between the two.', source: 'RFC 4034 §4' },
  OPT: { says: 'OPT: not data, but the capabilities of the sender (EDNS).', source: 'RFC 6891 §6.1' },
  TSIG: { says: 'TSIG: the signature of the whole message, made with a shared key.', source: 'RFC 8945 §4.2' },
  AXFR: { says: 'AXFR: the whole zone.', source: 'RFC 5936 §2' },
  IXFR: { says: 'IXFR: what has changed in the zone.', source: 'RFC 1995 §3' },
  ANY: { says: 'ANY: all records; a server may return just one type.', source: 'RFC 1035 §3.2.3, RFC 8482 §4' },
}

const VALUES: Readonly<Record<string, Readonly<Record<string, Meaning>>>> = { rcode: RCODES, opcode: OPCODES, type: TYPES, qtype: TYPES }

/** The meaning of a field, followed by that of its value, as far as known. */
export function meaningsOf({ name, value }: Field): readonly Meaning[] {
  return meant(FIELDS[name], VALUES[name]?.[value])
}
