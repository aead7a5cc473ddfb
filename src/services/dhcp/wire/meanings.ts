/** What the fields of a DHCP message are for, one sentence each, and where that is written: for who reads a message field by field (dissect.ts). */
import { meant, type Field, type Meaning } from '../../kit/dissection.ts'
import { OPTIONS, type OptionName } from './options.ts'

const HEADER = 'RFC 2131 §2'
const MESSAGES = 'RFC 2131 §3.1'

const FIELDS: Readonly<Record<string, Meaning>> = {
  op: { says: 'Who speaks: 1, a client to servers; 2, a server to a client.', source: HEADER },
  htype: { says: 'The kind of hardware address; 1 is Ethernet, and Wi-Fi too.', source: HEADER },
  hlen: { says: 'How many bytes the hardware address has: 6 on Ethernet.', source: HEADER },
  hops: { says: 'How many relays have carried the message on.', source: `${HEADER}, RFC 1542 §4.1.1` },
  xid: { says: 'Chosen at random by the client and copied into the reply: so a client knows which replies are its own.', source: `${HEADER}, §4.1` },
  secs: { says: 'How long the client has been trying. A relay or a second server may wait until it is some seconds.', source: `${HEADER}, RFC 1542 §3.2, §5.2` },
  flags: { says: 'The first bit asks for a reply by broadcast: a client that has no address yet may be unable to hear another.', source: `${HEADER}, §4.1` },
  ciaddr: { says: 'Client IP address: the one that the client has and answers to, when it renews its lease.', source: HEADER },
  yiaddr: { says: '“Your” IP address: the one that the server offers or lends.', source: HEADER },
  siaddr: { says: 'Next server IP address: where a machine that starts from the network fetches its program.', source: HEADER },
  giaddr: { says: 'Gateway IP address: the relay that carried the message on. By it the server knows the network, and it replies there.', source: `${HEADER}, §4.1` },
  chaddr: { says: 'Client hardware address: what the network card is called.', source: HEADER },
  sname: { says: 'The name of a server, or, where option 52 says so, room for more options.', source: `${HEADER}, §4.1` },
  file: { says: 'The program to start from, or, where option 52 says so, room for more options.', source: `${HEADER}, §4.1` },
  magic: { says: 'Four bytes, 99 130 83 99, that say: options follow. BOOTP, from which DHCP grew, had other things here.', source: 'RFC 2131 §3, RFC 2132 §2' },
  vend: { says: 'What a maker of BOOTP clients likes, where options do not follow.', source: 'RFC 951 §3' },
  padding: { says: 'Nothing: it makes a message as long as those of BOOTP always were, 300 bytes, for relays that take no shorter one.', source: 'RFC 2132 §3.1, RFC 951 §3' },
}

const MESSAGE_TYPES: Readonly<Record<string, Meaning>> = {
  DISCOVER: { says: 'DISCOVER: a client asks all servers for an address.', source: MESSAGES },
  OFFER: { says: 'OFFER: a server proposes one, and keeps it free for a while.', source: MESSAGES },
  REQUEST: { says: 'REQUEST: the client takes one of the offers, or asks to go on with the address that it has.', source: MESSAGES },
  DECLINE: { says: 'DECLINE: somebody else has this address already.', source: MESSAGES },
  ACK: { says: 'ACK: the address is lent, for the time of the lease.', source: MESSAGES },
  NAK: { says: 'NAK: not this address; begin anew.', source: MESSAGES },
  RELEASE: { says: 'RELEASE: the client needs the address no more.', source: MESSAGES },
  INFORM: { says: 'INFORM: the client has an address, and asks for the rest alone.', source: 'RFC 2131 §3.4' },
}

/** Of the options in their table, whose rule each names. */
const OPTION_SAYS: Readonly<Record<OptionName, string>> = {
  subnetMask: 'Which part of the address is the network’s: who is reached directly, and who by a router.',
  routers: 'Who carries packets to other networks, the best first.',
  dnsServers: 'Whom to ask for names, the best first.',
  hostName: 'What the client calls itself, or is to call itself.',
  domainName: 'The domain in which the client’s name stands.',
  interfaceMtu: 'The longest packet that the network takes.',
  broadcastAddress: 'The address of all machines of the network.',
  ntpServers: 'Whom to ask for the time.',
  vendorSpecific: 'What a maker has agreed on with itself.',
  requestedAddress: 'The address that the client would like to have.',
  leaseSeconds: 'For so long the address is lent. The client asks again after half of it.',
  messageType: 'Which of the messages of DHCP this is.',
  serverIdentifier: 'Which server speaks, or is meant: a client that has several offers tells by it which one it takes.',
  parameterRequestList: 'What the client wants to know, the most wanted first.',
  message: 'For people: why the server refuses, or the client declines.',
  maxMessageBytes: 'The longest message that the client takes.',
  renewalSeconds: 'T1: after so long the client asks the server that lent the address.',
  rebindingSeconds: 'T2: after so long it asks every server.',
  vendorClass: 'What kind of device and program the client is.',
  clientIdentifier: 'By what the server knows the client again, if not by its hardware address.',
  tftpServerName: 'Where a machine that starts from the network fetches its program.',
  bootFileName: 'The program that it fetches.',
  rapidCommit: 'Two messages instead of four: who is sure that there is one server takes its first answer as the lease.',
  clientFqdn: 'The client’s whole name, and who puts it into the DNS. S: the server. N: nobody. O: the server decided otherwise. E: the name is written as in DNS messages.',
  relayAgent: 'What a relay adds, such as the port of the switch where the client is plugged in.',
  captivePortal: 'A page that people must visit before the network lets them through.',
  domainSearch: 'Domains that are tried behind a short name, in this order.',
  classlessRoutes: 'Which networks are reached by which router; then option 3 does not count.',
  webProxyDiscovery: 'Where browsers find the rules for their proxy.',
}

const OPTION_MEANINGS: ReadonlyMap<string, Meaning> = new Map([
  // Object.entries forgets that its keys are those of the table.
  ...Object.entries(OPTIONS).map(([name, { code, rule }]): [string, Meaning] => [`option ${code}`, { says: OPTION_SAYS[name as OptionName], source: rule }]),
  ['option 52', { says: 'The fields file (1), sname (2), or both (3) carry options.', source: 'RFC 2132 §9.3' }],
  ['option 255', { says: 'The end of the options.', source: 'RFC 2132 §3.2' }],
])

/** What a field of a message is for, and behind it what its value says; less where nothing is known of it. */
export function meaningsOf({ name, value }: Field): readonly Meaning[] {
  const option = /^option \d+/.exec(name)?.[0] ?? ''
  return meant(FIELDS[name] ?? OPTION_MEANINGS.get(option), option === `option ${OPTIONS.messageType.code}` ? MESSAGE_TYPES[value] : undefined)
}
