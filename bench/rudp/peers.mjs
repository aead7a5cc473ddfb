/**
 * The peers that are measured: what serves and what fetches, using the programs that a user would. For the kernel's TCP, the same
 * `hamlet server` as for RUDP serves the same files to curl.
 */
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { build } from '../../scripts/build.mjs'
import { at, nodeBinary } from '../../scripts/setup/places.mjs'
import { buildGoPeers, versionOfGoModule } from './programs.mjs'
import { FILE_BYTES } from './rig.mjs'

export const BUNDLE = at('.vite/build/hamlet.cjs')
const RUDP_PORT = 8080
export const TCP_PORT = 8081
const GO_PORT = 8082
const PAGE_SECONDS_MAX = 20

/**
 * A place: the server's address, and the folder that it serves (its files: rig.mjs). `number` distinguishes several servers at one
 * address. `tcp` names the kernel's congestion control. `pages` loads `page` repeatedly, each time on a new connection, and prints
 * the times in ms, null for a failure.
 *
 * @typedef {{ address: string, site: string, number?: number }} Place
 * @typedef {{ argv: string[], ready: RegExp }} Server
 * @typedef {{
 *   name: string, title: string, tcp?: string, serve: (place: Place) => Server, fetch: (place: Place, file: string) => string[],
 *   pages: (place: Place, count: number, visited: boolean) => string[], parsePages: (stdout: string) => (number | null)[]
 * }} Peer
 */

/** @returns the peers available here, by name @throws SetupError if Hamlet cannot be built */
export async function preparePeers() {
  await build(['cli'])
  const go = await buildGoPeers()
  const node = `Node ${spawnSync(nodeBinary(), ['--version'], { encoding: 'utf8' }).stdout.trim().slice(1)}`
  const curl = /curl [\d.]+/.exec(spawnSync('curl', ['--version'], { encoding: 'utf8' }).stdout)?.[0] ?? 'curl'
  const peers = [
    tcp('cubic', curl), tcp('bbr', curl), rudp('rudp', 'bbr', node), rudp('rudp-cubic', 'cubic', node),
    ...(go === undefined ? [] : [goPeer(go, 'quic', `quic-go ${versionOfGoModule('quic-go/quic-go')}`), goPeer(go, 'h3', 'HTTP/3, quic-go'), goPeer(go, 'kcp', `kcp-go ${versionOfGoModule('kcp-go/')} "fast"`)]),
  ]
  return Object.fromEntries(peers.map(peer => [peer.name, peer]))
}

function tcp(algorithm, curl) {
  return {
    name: `tcp-${algorithm}`, title: `TCP ${algorithm}, ${curl}`, tcp: algorithm, serve: place => hamletServer(place, 'bbr'),
    fetch: (place, file) => ['curl', '--silent', '--show-error', tcpUrl(place, file)],
    pages: (place, count) => [
      'curl', '--silent', '--output', '/dev/null', '--header', 'Connection: close', '--max-time', String(PAGE_SECONDS_MAX), '--write-out', '%{exitcode} %{time_total}\n',
      `${tcpUrl(place, 'page')}?[1-${count}]`,
    ],
    parsePages: text => text.trim().split('\n').map(line => line.split(' ').map(Number)).map(([status, seconds]) => status === 0 ? seconds * 1000 : null),
  }
}

function rudp(name, congestion, node) {
  return {
    name, title: `RUDP ${congestion}, ${node}`, serve: place => hamletServer(place, congestion), fetch: (place, file) => hamletFetch(rudpUrl(place, file)),
    pages: ({ address }, count, visited) => [nodeBinary(), join(import.meta.dirname, 'page-client.mjs'), address, String(RUDP_PORT), 'page', String(count), visited ? 'again' : 'new'],
    parsePages: JSON.parse,
  }
}

export const rudpUrl = ({ address, number = 0 }, file) => `rudp://${address}:${RUDP_PORT + 10 * number}/${file}`
export const tcpUrl = ({ address, number = 0 }, file) => `http://${address}:${TCP_PORT + 10 * number}/${file}`

export function hamletServer({ address, site, number = 0 }, congestion, more = []) {
  const ports = ['--tcp_port', String(TCP_PORT + 10 * number), '--udp_port', String(RUDP_PORT + 10 * number)]
  return { argv: [nodeBinary(), BUNDLE, 'server', '--host', address, ...ports, '--site', site, '--congestion', congestion, ...more], ready: /RUDP listening/ }
}

export function hamletFetch(url, bundle = BUNDLE) {
  return [nodeBinary(), bundle, 'fetch', '--json', url]
}

function goPeer(go, protocol, title) {
  const authority = ({ address, number = 0 }) => `${address}:${GO_PORT + 10 * number}`
  return {
    name: protocol, title, serve: place => ({ argv: [go, 'serve', protocol, authority(place)], ready: /ready/ }),
    fetch: (place, file) => [go, 'fetch', protocol, authority(place), String(FILE_BYTES[file])],
    pages: (place, count) => [go, 'pages', protocol, authority(place), String(FILE_BYTES.page), String(count)], parsePages: JSON.parse,
  }
}
