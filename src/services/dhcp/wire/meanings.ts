/**
 * What each field of a DHCP message is for, in a sentence or two with its source: the explanations beside a dissected
 * message (dissect.ts).
 */
import { meant, type Field, type Meaning } from '../../kit/dissection.ts'
import { OPTIONS, type OptionName } from './options.ts'

const HEADER = 'RFC 2131 §2'
const MESSAGES = 'RFC 2131 §3.1'

const FIELDS: Readonly<Record<string, Meaning>> = {
  op: { says: 'The direction: 1 from a client to servers, 2 from a server to a client.', source: HEADER },
  htype: { says: 'The type of the hardware address. 1 is Ethernet, and Wi-Fi too.', source: HEADER },
  hlen: { says: 'The length of the hardware address in bytes: 6 on Ethernet.', source: HEADER },
  hops: { says: 'How many relay agents have forwarded the message.', source: `${HEADER}, RFC 1542 §4.1.1` },
  xid: { says: 'Transaction ID: chosen at random by the client and copied into the reply, so that the client recognizes its own replies.', source: `${HEADER}, §4.1` },
  secs: { says: 'How long the client has been trying. A relay or a backup server may wait until this is some seconds.', source: `${HEADER}, RFC 1542 §3.2, §5.2` },
  flags: { says: 'The first bit requests a broadcast reply: a client without an address may be unable to receive unicast.', source: `${HEADER}, §4.1` },
  ciaddr: { says: 'Client IP address: the one the client already has and answers to, as when it renews its lease.', source: HEADER },
  yiaddr: { says: '“Your” IP address: the one the server offers or leases to the client.', source: HEADER },
  siaddr: { says: 'Next server IP address: where a machine that boots over the network fetches its boot file.', source: HEADER },
  giaddr: { says: 'Gateway IP address: the relay agent that forwarded the message. It tells the server the client’s network, and where to send the reply.', source: `${HEADER}, §4.1` },
  chaddr: { says: 'Client hardware address: the MAC address of its network interface.', source: HEADER },
  sname: { says: 'The server’s host name, or more options if option 52 says so.', source: `${HEADER}, §4.1` },
  file: { says: 'The boot file name, or more options if option 52 says so.', source: `${HEADER}, §4.1` },
  magic: { says: 'The magic cookie, 99 130 83 99: DHCP options follow. BOOTP, from which DHCP grew, allowed other contents here.', source: 'RFC 2131 §3, RFC 2132 §2' },
  vend: { says: 'BOOTP’s vendor area, which here carries no DHCP options.', source: 'RFC 951 §3' },
  padding: { says: 'Nothing. It brings the message to the 300 bytes of a BOOTP message, since some relays drop shorter ones.', source: 'RFC 2132 §3.1, RFC 951 §3' },
}

const MESSAGE_TYPES: Readonly<Record<string, Meaning>> = {
  DISCOVER: { says: 'DISCOVER: the client asks all servers for an address.', source: MESSAGES },
  OFFER: { says: 'OFFER: a server proposes an address, and holds it for a short time.', source: MESSAGES },
  REQUEST: { says: 'REQUEST: the client accepts one of the offers, or asks to keep the address it has.', source: MESSAGES },
  DECLINE: { says: 'DECLINE: the client found the address already in use.', source: MESSAGES },
  ACK: { says: 'ACK: the server confirms the address for the lease time.', source: MESSAGES },
  NAK: { says: 'NAK: the client may not use this address, and must start over.', source: MESSAGES },
  RELEASE: { says: 'RELEASE: the client gives up its address before the lease ends.', source: MESSAGES },
  INFORM: { says: 'INFORM: the client already has an address, and asks only for the other parameters.', source: 'RFC 2131 §3.4' },
}

/** The meaning of each option in OPTIONS, which names its RFC section. */
const OPTION_SAYS: Readonly<Record<OptionName, string>> = {
  subnetMask: 'Which part of the address names the network. Hosts in the same network are reached directly, all others through a router.',
  routers: 'The routers of the client’s network, in order of preference.',
  dnsServers: 'The DNS servers to use, in order of preference.',
  hostName: 'The client’s host name: its own, or the one the server gives it.',
  domainName: 'The domain of the client’s name.',
  interfaceMtu: 'The MTU: the largest packet to send on this interface.',
  broadcastAddress: 'The address that reaches every host of the network.',
  ntpServers: 'The NTP servers to use, in order of preference.',
  vendorSpecific: 'Information whose format the vendor named in option 60 defines.',
  requestedAddress: 'The address the client would like to have.',
  leaseSeconds: 'The lease time: how long the client may use the address. By default it renews after half of it.',
  messageType: 'Which DHCP message this is.',
  serverIdentifier: 'The server that sends the message, or that it is meant for. A client with several offers accepts one by naming its server.',
  parameterRequestList: 'The options the client wants, in order of preference.',
  message: 'Text for people: why the server refuses, or why the client declines.',
  maxMessageBytes: 'The largest DHCP message the client accepts.',
  renewalSeconds: 'T1: when the client starts to renew with the server that granted the lease.',
  rebindingSeconds: 'T2: when the client starts to ask every server.',
  vendorClass: 'The type of device and client software.',
  clientIdentifier: 'The identifier that distinguishes this client from all others, instead of its hardware address.',
  tftpServerName: 'The TFTP server of a machine that boots over the network.',
  bootFileName: 'The boot file to fetch from it.',
  rapidCommit: 'Two messages instead of four: the server answers a DISCOVER with an ACK. Meant for networks with a single server.',
  clientFqdn: 'The client’s full name, and who registers it in the DNS. S: the server. N: nobody. O: the server overrode the client’s wish. E: the name is in DNS wire format.',
  relayAgent: 'What a relay agent adds, such as the switch port the client is connected to.',
  captivePortal: 'The web page a user must visit before the network grants access.',
  domainSearch: 'The domains to try in turn when resolving a short name.',
  classlessRoutes: 'Static routes: which router reaches which network. If present, the client ignores option 3.',
  webProxyDiscovery: 'Where browsers fetch their proxy configuration.',
}

const OPTION_MEANINGS: ReadonlyMap<string, Meaning> = new Map([
  // The type of Object.entries does not say that the keys are those of OPTIONS.
  ...Object.entries(OPTIONS).map(([name, { code, rule }]): [string, Meaning] => [`option ${code}`, { says: OPTION_SAYS[name as OptionName], source: rule }]),
  ['option 52', { says: 'Option overload: the fields file (1), sname (2) or both (3) carry options.', source: 'RFC 2132 §9.3' }],
  ['option 255', { says: 'The end of the options.', source: 'RFC 2132 §3.2' }],
])

/** What a field is for, followed by what its value means. Empty for an unknown field. */
export function meaningsOf({ name, value }: Field): readonly Meaning[] {
  const option = /^option \d+/.exec(name)?.[0] ?? ''
  return meant(FIELDS[name] ?? OPTION_MEANINGS.get(option), option === `option ${OPTIONS.messageType.code}` ? MESSAGE_TYPES[value] : undefined)
}
