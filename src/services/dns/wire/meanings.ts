/** What the fields of a DNS message are for, one sentence each, and where that is written: for who reads a message field by field (dissect.ts). */
import { meant, type Field, type Meaning } from '../../kit/dissection.ts'

const UPDATE = 'RFC 2136 §2'
const HEADER = 'RFC 1035 §4.1.1'
const QUESTION = 'RFC 1035 §4.1.2'
const RECORD = 'RFC 1035 §4.1.3'
const SECTIONS = 'RFC 1035 §4.1'

const FIELDS: Readonly<Record<string, Meaning>> = {
  id: { says: 'Chosen at random by who asks and copied into the response: so the two are matched, and a forger has to guess.', source: `${HEADER}, RFC 5452 §4.3` },
  flags: { says: 'Two octets of bits: what kind of message this is, what is asked for, and what became of it.', source: HEADER },
  qr: { says: '0 in a query, 1 in a response.', source: HEADER },
  opcode: { says: 'The kind of request; a response repeats it.', source: HEADER },
  aa: { says: 'The server is an authority for the name: it has the zone, and did not learn this from another server.', source: HEADER },
  tc: { says: 'The response was longer than UDP could take here and was cut. Who needs all of it asks again by TCP.', source: `${HEADER}, RFC 2181 §9` },
  rd: { says: 'Who asks wants the server to find the answer elsewhere where it has none itself; a response repeats it.', source: HEADER },
  ra: { says: 'The server does find answers elsewhere for who asks.', source: HEADER },
  ad: { says: 'In a response: all of it was checked by DNSSEC. In a query: who asks would like to know.', source: 'RFC 4035 §3.2.3, RFC 6840 §5.7' },
  cd: { says: 'Who asks checks DNSSEC itself: the server should hand on also what it could not verify.', source: 'RFC 4035 §3.2.2' },
  rcode: { says: 'What became of the request.', source: HEADER },
  questions: { says: 'How many questions follow: one, in practice.', source: HEADER },
  answers: { says: 'How many records follow that answer the question.', source: HEADER },
  authorities: { says: 'How many records follow that name the zone or its servers.', source: HEADER },
  additionals: { says: 'How many records follow that may help, or that belong to the message itself.', source: HEADER },
  zones: { says: 'How many zones are to be changed: one.', source: `${UPDATE}.2` },
  prerequisites: { says: 'How many conditions follow: all must hold, or nothing is changed.', source: `${UPDATE}.2` },
  updates: { says: 'How many changes follow: all are made, or none.', source: `${UPDATE}.2` },
  question: { says: 'What is asked: a name, and the type of records that are wanted of it.', source: QUESTION },
  answer: { says: 'A record that answers the question, or an alias on the way to one that does.', source: SECTIONS },
  authority: { says: 'A record about the zone: its servers, or its SOA, which tells how long “no such name” may be remembered.', source: `${SECTIONS}, RFC 2308 §3` },
  additional: { says: 'A record that saves a further question, or that belongs to the message itself, as OPT and TSIG do.', source: `${SECTIONS}, RFC 6891 §6.1.1` },
  zone: { says: 'The zone that is to be changed.', source: `${UPDATE}.3` },
  prerequisite: { says: 'What has to be there, or must not be, for the changes to be made.', source: `${UPDATE}.4` },
  update: { says: 'A record that is added; or, by class ANY or NONE, what is taken away.', source: `${UPDATE}.5` },
  qname: { says: 'The name that is asked for: labels, each behind its length, and an empty one at the end. Capitals mean nothing; mixed in at random they are one more thing for a forger to guess.', source: `${QUESTION}, §3.1, draft-vixie-dnsext-dns0x20` },
  qtype: { says: 'The type of records that are wanted.', source: QUESTION },
  qclass: { says: 'The family of networks: IN, the internet.', source: QUESTION },
  name: { says: 'Whose record this is. Most often a pointer: two octets that say where in the message the name stands already.', source: `${RECORD}, §4.1.4` },
  type: { says: 'What kind of data follows.', source: RECORD },
  class: { says: 'The family of networks: IN, the internet. Updates say by ANY and NONE what is to go.', source: `${RECORD}, ${UPDATE}.5` },
  ttl: { says: 'For so long the record may be remembered and used again.', source: `${RECORD}, RFC 2181 §8` },
  rdlength: { says: 'The length of the data behind it, in octets.', source: RECORD },
  rdata: { says: 'The data itself; its form depends on the type.', source: RECORD },
  'udp payload size': { says: 'The longest message that the sender takes by UDP. It stands where other records have their class.', source: 'RFC 6891 §6.1.2' },
  'extended rcode and flags': { says: 'Upper bits of the rcode, the version of EDNS, and DO: DNSSEC records are wanted. It stands where other records have their TTL.', source: 'RFC 6891 §6.1.3' },
  'option 3': { says: 'NSID: which of several servers behind one address answered.', source: 'RFC 5001 §2' },
  'option 8': { says: 'ECS: the part of the network from where somebody asks, for answers that depend on the place.', source: 'RFC 7871 §6' },
  'option 9': { says: 'EXPIRE: how long a secondary may still use its copy of the zone.', source: 'RFC 7314 §2' },
  'option 10': { says: 'COOKIE: shown again with each query, it tells who was seen at an address from who only pretends to be there.', source: 'RFC 7873 §4' },
  'option 11': { says: 'KEEPALIVE: how long an idle TCP connection stays open.', source: 'RFC 7828 §3' },
  'option 12': { says: 'PADDING: makes encrypted messages equally long, so that their length tells nothing.', source: 'RFC 7830 §3' },
  'option 15': { says: 'EDE: why the answer is no better, for people.', source: 'RFC 8914 §2' },
  'option 65001': { says: 'Hamlet’s own: how the server knows what it answers.', source: 'RFC 6891 §9, for local use' },
  ignored: { says: 'Octets behind the last record: no part of the message.', source: SECTIONS },
}

const RCODES: Readonly<Record<string, Meaning>> = {
  NOERROR: { says: 'NOERROR: done. Where the answer is empty the name exists, but has no records of this type.', source: 'RFC 2308 §2.2' },
  FORMERR: { says: 'FORMERR: the server could not read the query.', source: HEADER },
  SERVFAIL: { says: 'SERVFAIL: the server could not find out, or has a fault of its own.', source: HEADER },
  NXDOMAIN: { says: 'NXDOMAIN: there is no such name, and nothing below it.', source: `${HEADER}, RFC 8020 §2` },
  NOTIMP: { says: 'NOTIMP: the server does not do this kind of request.', source: HEADER },
  REFUSED: { says: 'REFUSED: the server does not do this for who asks.', source: HEADER },
  YXDOMAIN: { says: 'YXDOMAIN: a name is there that should not be.', source: `${UPDATE}.2` },
  YXRRSET: { says: 'YXRRSET: records are there that should not be.', source: `${UPDATE}.2` },
  NXRRSET: { says: 'NXRRSET: records that should be there are not.', source: `${UPDATE}.2` },
  NOTAUTH: { says: 'NOTAUTH: the server has no such zone, or the signature is not right.', source: `${UPDATE}.2, RFC 8945 §5.2` },
  NOTZONE: { says: 'NOTZONE: a name in the update is not in the zone.', source: `${UPDATE}.2` },
}

const OPCODES: Readonly<Record<string, Meaning>> = {
  QUERY: { says: 'QUERY: a question.', source: HEADER },
  NOTIFY: { says: 'NOTIFY: the zone has changed; fetch it.', source: 'RFC 1996 §3' },
  UPDATE: { says: 'UPDATE: change this zone.', source: `${UPDATE}.2` },
}

const TYPES: Readonly<Record<string, Meaning>> = {
  A: { says: 'A: an IPv4 address.', source: 'RFC 1035 §3.4.1' },
  AAAA: { says: 'AAAA: an IPv6 address.', source: 'RFC 3596 §2.1' },
  NS: { says: 'NS: a server that has the zone below this name.', source: 'RFC 1035 §3.3.11' },
  CNAME: { says: 'CNAME: the name is an alias; its records stand at another name.', source: 'RFC 1035 §3.3.1' },
  DNAME: { says: 'DNAME: all names below this one are aliases of those below another.', source: 'RFC 6672 §2' },
  SOA: { says: 'SOA: where a zone begins: its serial number, and how often copies look for changes.', source: 'RFC 1035 §3.3.13' },
  PTR: { says: 'PTR: points to a name; it is how an address finds back to one.', source: 'RFC 1035 §3.3.12' },
  MX: { says: 'MX: who takes mail for this name.', source: 'RFC 1035 §3.3.9' },
  TXT: { says: 'TXT: text.', source: 'RFC 1035 §3.3.14' },
  SRV: { says: 'SRV: the host and port of a service.', source: 'RFC 2782' },
  HTTPS: { says: 'HTTPS: how to reach a web server: protocols, ports, keys.', source: 'RFC 9460 §9' },
  SVCB: { says: 'SVCB: how to reach a service: protocols, ports, keys.', source: 'RFC 9460 §2' },
  CAA: { says: 'CAA: who may issue certificates for this name.', source: 'RFC 8659 §4' },
  DS: { says: 'DS: the digest of the key by which the zone below is signed.', source: 'RFC 4034 §5' },
  DNSKEY: { says: 'DNSKEY: a public key of the zone.', source: 'RFC 4034 §2' },
  RRSIG: { says: 'RRSIG: the signature of a set of records.', source: 'RFC 4034 §3' },
  NSEC: { says: 'NSEC: the next name of the zone; between the two there is nothing.', source: 'RFC 4034 §4' },
  OPT: { says: 'OPT: no data, but what the sender of the message can do (EDNS).', source: 'RFC 6891 §6.1' },
  TSIG: { says: 'TSIG: the signature of the whole message, by a key that both ends share.', source: 'RFC 8945 §4.2' },
  AXFR: { says: 'AXFR: the whole zone.', source: 'RFC 5936 §2' },
  IXFR: { says: 'IXFR: what has changed in the zone.', source: 'RFC 1995 §3' },
  ANY: { says: 'ANY: whatever there is; a server may give one type alone.', source: 'RFC 1035 §3.2.3, RFC 8482 §4' },
}

const VALUES: Readonly<Record<string, Readonly<Record<string, Meaning>>>> = { rcode: RCODES, opcode: OPCODES, type: TYPES, qtype: TYPES }

/** What a field of a message is for, and behind it what its value says; less where nothing is known of it. */
export function meaningsOf({ name, value }: Field): readonly Meaning[] {
  return meant(FIELDS[name], VALUES[name]?.[value])
}
