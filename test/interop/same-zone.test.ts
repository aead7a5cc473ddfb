/**
 * The same generated zones served by Hamlet, Knot and NSD: their answers to any query agree. Not compared is what
 * servers may choose: the zone's own name servers and additional addresses, which are optional, and the DS of a
 * referral, which Knot and NSD include in signed zones only.
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { freePort } from '../../src/services/kit/node/testing/free-port.ts'
import { below, seededRandom, type Random } from '../../src/services/kit/random.ts'
import { optRecord } from '../../src/services/dns/wire/edns.ts'
import { decodeMessage, encodeMessage, type ResourceRecord } from '../../src/services/dns/wire/message.ts'
import { formatRdata } from '../../src/services/dns/wire/rdata.ts'
import { CLASS, formatRcode, formatType, OPCODE_QUERY, parseType, TYPE } from '../../src/services/dns/wire/types.ts'
import { startDns } from '../support/dns-server.ts'
import { emptyFolder } from '../support/hamlet.ts'
import { startPeer } from '../support/namespaces.ts'
import { askBytesByUdp } from '../support/udp.ts'

const SEED = 20_261
const NAMES = 70
const ZONES = 3
const QUERIES = 600
const AT_ONCE = 50

const toEnd: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const end of toEnd.splice(0).reverse()) await end()
})

const pick = <Item>(random: Random, items: readonly Item[]): Item => items[below(random, items.length)] ?? expect.unreachable('there is one')

const LABELS = ['a', 'b', 'c', '*', 'x-1', '_tcp']

function nameFrom(random: Random): string {
  return `${Array.from({ length: 1 + below(random, 4) }, () => pick(random, LABELS)).join('.')}.home`
}

const parentsOf = (name: string): string[] => name === 'home' ? [] : [name.slice(name.indexOf('.') + 1), ...parentsOf(name.slice(name.indexOf('.') + 1))]

/** A zone file that all three accept: there is nothing below a DNAME, beside a CNAME, or under a delegation at a wildcard. */
function zoneFrom(random: Random): { text: string; names: string[] } {
  const types = new Map<string, Set<string>>()
  const lines = ['$ORIGIN home.', '$TTL 300', '@ SOA ns.home. hostmaster.home. 7 3600 600 86400 60', '@ NS ns.home.', 'ns A 192.0.2.53', 'a.b.c.home. A 192.0.2.99']
  const redirected = new Set<string>()
  const names = [...new Set(Array.from({ length: NAMES }, () => nameFrom(random)))].filter(name => name !== 'ns.home')
  for (const name of names) {
    if (parentsOf(name).some(parent => redirected.has(parent))) continue
    const isWild = name.includes('*')
    const hasBelow = [...names, 'a.b.c.home'].some(other => other.endsWith(`.${name}`))
    const target = pick(random, [...names, 'www.example.org', 'none.home'])
    const kind = below(random, 10)
    const add = (type: string, data: string) => {
      types.set(name, (types.get(name) ?? new Set<string>()).add(type))
      lines.push(`${name}. ${type} ${data}`)
    }
    if (name === 'a.b.c.home') continue
    if (kind === 0) add('CNAME', `${target}.`)
    else if (kind === 1 && !hasBelow && !isWild) {
      redirected.add(name)
      add('DNAME', `${pick(random, ['a.home', 'b.home', 'example.org', 'c.b.home'])}.`)
      if (below(random, 2) === 0) add('TXT', '"beside"')
    } else if (kind === 2 && !isWild) {
      add('NS', `${pick(random, ['ns', 'ns.' + name.slice(0, -5), 'a'])}.home.`)
      add('NS', 'ns.example.org.')
      if (below(random, 2) === 0) add('DS', '60485 8 1 2bb183af5f22588179a53b0a98631fad1a292118')
      lines.push(`ns.${name}. A 192.0.2.54`, `ns.${name}. AAAA 2001:db8::54`)
    } else {
      if (below(random, 3) > 0) add('A', `192.0.2.${1 + below(random, 40)}`)
      if (below(random, 3) === 0) add('AAAA', `2001:db8::${1 + below(random, 40)}`)
      if (below(random, 4) === 0) add('TXT', '"two words" "x"')
      if (below(random, 5) === 0) add('MX', `10 ${target}.`)
      if (below(random, 5) === 0) add('SRV', `0 0 80 ${target}.`)
    }
  }
  return { text: `${lines.join('\n')}\n`, names: [...names, 'home', 'ns.home'] }
}

async function startKnot(text: string): Promise<number> {
  const [home, port] = [emptyFolder(), await freePort()]
  writeFileSync(join(home, 'home.zone'), text)
  writeFileSync(join(home, 'knot.conf'), [
    'server:', `    rundir: "${home}"`, `    listen: 127.0.0.1@${port}`, 'log:', '  - target: stdout', '    any: info', 'database:', `    storage: "${home}"`,
    'zone:', '  - domain: home', `    storage: "${home}"`, '    file: home.zone', ''].join('\n'))
  const peer = await startPeer(undefined, 'knotd', ['-c', join(home, 'knot.conf')], /loaded, serial|server started[\s\S]*loaded|\[home\.\] zone file .*(error|failed)/)
  toEnd.push(() => peer.stop())
  return port
}

async function startNsd(text: string): Promise<number> {
  const [home, port] = [emptyFolder(), await freePort()]
  writeFileSync(join(home, 'home.zone'), text)
  writeFileSync(join(home, 'nsd.conf'), [
    'server:', `  ip-address: 127.0.0.1@${port}`, '  username: ""', `  zonesdir: "${home}"`, '  database: ""', `  pidfile: "${home}/nsd.pid"`, `  xfrdfile: "${home}/xfrd.state"`,
    `  zonelistfile: "${home}/zone.list"`, `  xfrdir: "${home}"`, '  server-count: 1', '  verbosity: 2', '  rrl-ratelimit: 0', '  rrl-whitelist-ratelimit: 0', 'remote-control:', '  control-enable: no', 'zone:', '  name: home', `  zonefile: "${home}/home.zone"`, ''].join('\n'))
  const peer = await startPeer(undefined, 'nsd', ['-d', '-c', join(home, 'nsd.conf')], /nsd started/)
  toEnd.push(() => peer.stop())
  return port
}

interface Query { readonly name: string; readonly type: string; readonly edns: boolean; readonly dnssecOk: boolean }

function queryFrom(random: Random, names: readonly string[]): Query {
  const base = pick(random, names)
  const more = pick(random, ['', '', '', 'q.', 'a.', '*.', 'q.r.'])
  const edns = below(random, 3) > 0
  const name = [...`${more}${base}`].map(letter => below(random, 8) === 0 ? letter.toUpperCase() : letter).join('')
  return { name, type: pick(random, ['A', 'A', 'AAAA', 'TXT', 'MX', 'SRV', 'NS', 'DS', 'SOA', 'CNAME', 'DNAME', 'HTTPS', 'TYPE65280']), edns, dnssecOk: edns && below(random, 3) === 0 }
}

const textOf = ({ name, ttl, type, rdata }: ResourceRecord) => `${name.toLowerCase()} ${ttl} ${formatType(type)} ${formatRdata(type, rdata).toLowerCase()}`

async function answerFrom(port: number, { name, type, edns, dnssecOk }: Query) {
  const bytes = encodeMessage({
    header: { id: 4711, qr: false, opcode: OPCODE_QUERY, aa: false, tc: false, rd: false, ra: false, ad: false, cd: false, rcode: 0 },
    questions: [{ name, type: parseType(type) ?? 0, class: CLASS.IN }], answers: [], authorities: [], additionals: edns ? [optRecord({ rcode: 0, dnssecOk })] : [],
  })
  const { header, questions, answers, authorities, additionals } = decodeMessage(await askBytesByUdp(port, bytes))
  const isReferral = !header.aa && answers.length === 0
  return {
    asked: questions[0]?.name, rcode: formatRcode(header.rcode), aa: header.aa, tc: header.tc, ad: header.ad, edns: additionals.some(isOpt), answers: answers.map(textOf),
    authorities: authorities.filter(record => !isApexServer(record) && record.type !== TYPE.DS).map(textOf).sort(),
    glue: isReferral ? additionals.filter(record => !isOpt(record)).map(textOf).sort() : [],
  }
}

const isOpt = ({ type }: ResourceRecord) => type === TYPE.OPT
const isApexServer = ({ name, type }: ResourceRecord) => type === TYPE.NS && name.toLowerCase() === 'home'

/** A CNAME loop: Hamlet answers SERVFAIL, the others return the loop. */
function isLoop(answers: readonly string[]): boolean {
  const aliases = answers.map(text => / cname (.*)\.$/.exec(text.replace(' CNAME ', ' cname '))?.[1])
  return answers.some(text => text.split(' ')[0] === aliases.at(-1))
}

test.each(Array.from({ length: ZONES }, (_, index) => SEED + index))('the zone of seed %i', async seed => {
  const random = seededRandom(seed)
  const { text, names } = zoneFrom(random)
  const folder = emptyFolder()
  writeFileSync(join(folder, 'dns.zone'), text)
  const hamlet = await startDns(folder, ['--upstream', '127.0.0.1:9'])
  toEnd.push(() => hamlet.dns.stop())
  const peers = { Knot: await startKnot(text), NSD: await startNsd(text) }
  let loops = 0
  for (let done = 0; done < QUERIES; done += AT_ONCE) {
    await Promise.all(Array.from({ length: AT_ONCE }, async () => {
      const query = queryFrom(random, names)
      const ours = await answerFrom(hamlet.port, query)
      for (const [peer, port] of Object.entries(peers)) {
        const theirs = await answerFrom(port, query)
        if (ours.rcode === 'SERVFAIL' && isLoop(theirs.answers)) loops++
        else expect(ours, `seed ${seed}, ${peer}, ${query.name} ${query.type}`).toEqual(theirs)
      }
    }))
  }
  expect(loops).toBeLessThan(QUERIES / 10)
}, 90_000)
