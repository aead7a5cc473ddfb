import { describe, expect, test } from 'vitest'
import type { Resolution } from '../dns/resolver.ts'
import { HamletError } from '../kit/errors.ts'
import { seededRandom } from '../kit/random.ts'
import type { Transport } from './contract.ts'
import { findOriginServer, type OriginServer } from './origin-server.ts'

/** A DNS server's data: `name TYPE` → data. A name that is not in it does not exist, unless `rcodes` says otherwise. */
interface World {
  readonly records?: Readonly<Record<string, readonly string[]>>
  readonly rcodes?: Readonly<Record<string, string>>
}

async function find(host: string, port: number | undefined, transport: Transport, { records = {}, rcodes = {} }: World = {}): Promise<{ server: OriginServer; asked: string[] }> {
  const asked: string[] = []
  const resolve = (qname: string, qtype: string): Promise<Resolution> => {
    asked.push(`${qname} ${qtype}`)
    const data = records[`${qname} ${qtype}`] ?? []
    const rcode = rcodes[qname] ?? (Object.keys(records).some(key => key.startsWith(`${qname} `)) ? 'NOERROR' : 'NXDOMAIN')
    if (rcode === 'silence') return Promise.reject(new HamletError({ code: 'timed-out', what: 'silence', why: 'silence', remedy: 'wait' }))
    return Promise.resolve({ rcode, records: data.map(text => ({ name: qname, type: qtype, ttl: 10, data: text })), server: '192.0.2.53:53', tookMs: 1, source: 'server', provenance: '', sentence: `${qname}: ${data.join(' and ')}` })
  }
  return { server: await findOriginServer({ host, port }, transport, resolve, seededRandom(1)), asked }
}

const endpointsOf = ({ server }: { server: OriginServer }) => server.candidates.map(({ address, port }) => `${address} ${port}`)

describe('the port', () => {
  const records = { 'my-app.home A': ['192.0.2.1'], '_http._tcp.my-app.home SRV': ['0 0 8081 my-app.home'], '_rudp._udp.my-app.home SRV': ['0 0 9090 my-app.home.'] }

  test('is the one in the URL; then SRV is not queried', async () => {
    const found = await find('my-app.home', 80, 'tcp', { records })
    expect([endpointsOf(found), found.asked]).toEqual([['192.0.2.1 80'], ['my-app.home A']])
  })
  test('otherwise the one in the SRV record of the transport', async () => {
    expect(endpointsOf(await find('my-app.home', undefined, 'tcp', { records }))).toEqual(['192.0.2.1 8081'])
    expect(endpointsOf(await find('my-app.home.', undefined, 'rudp', { records }))).toEqual(['192.0.2.1 9090'])
  })
  test('otherwise the default one, also if the SRV query gets no answer', async () => {
    const bare = { 'example.org A': ['192.0.2.9'] }
    expect(endpointsOf(await find('example.org', undefined, 'tcp', { records: bare }))).toEqual(['192.0.2.9 80'])
    expect(endpointsOf(await find('example.org', undefined, 'rudp', { records: bare, rcodes: { '_rudp._udp.example.org': 'silence' } }))).toEqual(['192.0.2.9 8080'])
  })
})

describe('the address', () => {
  test('is not looked up if the URL already contains it', async () => {
    for (const [host, expected] of [['192.0.2.7', '192.0.2.7 80'], ['2001:db8::7', '2001:db8::7 80'], ['localhost', '127.0.0.1 80'], ['app.localhost', '127.0.0.1 80']] as const) {
      const found = await find(host, undefined, 'tcp')
      expect([endpointsOf(found), found.asked]).toEqual([[expected], []])
    }
  })
  test('is that of the host in the SRV record, even if the name itself has none', async () => {
    const records = { '_http._tcp.shop.home SRV': ['0 0 8081 big.home'], 'big.home A': ['192.0.2.5'] }
    expect(endpointsOf(await find('shop.home', undefined, 'tcp', { records }))).toEqual(['192.0.2.5 8081'])
  })
  test('may be an IPv6 address if there is no other', async () => {
    expect(endpointsOf(await find('six.home', 80, 'tcp', { records: { 'six.home AAAA': ['2001:db8::6'] } }))).toEqual(['2001:db8::6 80'])
  })
  test('is one of at most four candidates', async () => {
    const many = Array.from({ length: 9 }, (_, index) => `192.0.2.${index}`)
    expect(endpointsOf(await find('many.home', 80, 'tcp', { records: { 'many.home A': many } })).length).toBe(4)
  })
})

describe('no server is found', () => {
  test('for a name that does not exist or has no address', async () => {
    await expect(find('nowhere.home', undefined, 'tcp')).rejects.toMatchObject({ code: 'name-unknown' })
    await expect(find('text.home', undefined, 'tcp', { records: { 'text.home TXT': ['hi'] } })).rejects.toMatchObject({ code: 'name-unknown' })
  })
  test('if the DNS server cannot answer, which is a different error', async () => {
    await expect(find('far.example', 80, 'tcp', { rcodes: { 'far.example': 'SERVFAIL' } })).rejects.toMatchObject({ code: 'upstream-unreachable' })
    await expect(find('far.example', 80, 'tcp', { rcodes: { 'far.example': 'silence' } })).rejects.toMatchObject({ code: 'timed-out' })
  })
  test('if the SRV record says that the service is not available', async () => {
    const records = { 'mail.home A': ['192.0.2.1'], '_http._tcp.mail.home SRV': ['0 0 0 .'] }
    await expect(find('mail.home', undefined, 'tcp', { records })).rejects.toMatchObject({ code: 'refused' })
  })
})
