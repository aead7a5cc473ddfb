/** The servers to measure: how to start each on a link with a number of leases, and the line it prints when ready. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { at } from '../../scripts/setup/places.mjs'
import { LEASE_SECONDS, writeDnsmasqLeases, writeHamletLeases, writeKeaLeases } from './leases.mjs'

export const servers = [
  { name: 'hamlet', title: 'Hamlet', syncs: 'yes, in groups', launch: hamlet },
  { name: 'kea-1', title: 'Kea memfile, 1 thread', syncs: 'never', launch: place => kea(place, 1) },
  { name: 'kea-2', title: 'Kea memfile, 2 threads', syncs: 'never', launch: place => kea(place, 2) },
  { name: 'dnsmasq', title: 'dnsmasq', syncs: 'yes, the whole file for each', launch: dnsmasq, leasesMax: 50_000 }, // with 200,000 it did not answer for six minutes
]

function hamlet({ first, last, folder, leases }) {
  if (leases > 0) writeHamletLeases(join(folder, 'leases.jsonl'), first, leases)
  return {
    ready: /Server is running on port 67/,
    argv: [process.execPath, at('.vite/build/hamlet.cjs'), 'dhcp', '--port', '67', '--interface', 'eth0', '--pool', `${first}-${last}`, '--lease', String(LEASE_SECONDS),
      '--no_probe', '--no_names', '--beside_others', '--data', folder],
  }
}

function kea({ first, last, subnet, folder, leases }, threads) {
  if (leases > 0) writeKeaLeases(join(folder, 'leases.csv'), first, leases)
  const config = join(folder, 'kea.json')
  mkdirSync('/run/kea', { recursive: true })
  writeFileSync(config, JSON.stringify({ Dhcp4: {
    'interfaces-config': { interfaces: ['eth0'] }, 'valid-lifetime': LEASE_SECONDS,
    'lease-database': { type: 'memfile', persist: true, name: join(folder, 'leases.csv'), 'lfc-interval': 0 },
    // The default queue of 64 packets loses half of what our loader has in flight.
    'multi-threading': { 'enable-multi-threading': threads > 1, 'thread-pool-size': threads, 'packet-queue-size': 256 },
    'subnet4': [{ id: 1, subnet, pools: [{ pool: `${first} - ${last}` }] }],
    'loggers': [{ name: 'kea-dhcp4', severity: 'INFO', output_options: [{ output: 'stdout', flush: true }] }, { name: 'kea-dhcp4.leases', severity: 'ERROR' }, { name: 'kea-dhcp4.packets', severity: 'ERROR' }],
  } }))
  return { ready: /DHCP4_STARTED/, argv: ['env', 'KEA_LOCKFILE_DIR=none', `KEA_PIDFILE_DIR=${folder}`, 'kea-dhcp4', '-c', config] }
}

function dnsmasq({ first, last, folder, leases }) {
  if (leases > 0) writeDnsmasqLeases(join(folder, 'dnsmasq.leases'), first, leases)
  return {
    ready: /started, version/,
    argv: ['dnsmasq', '--keep-in-foreground', '--conf-file=/dev/null', '--port=0', '--log-facility=-', '--quiet-dhcp', '--user=root', '--pid-file=', '--no-ping', '--dhcp-lease-max=1000000',
      `--dhcp-leasefile=${join(folder, 'dnsmasq.leases')}`, `--dhcp-range=${first},${last},${LEASE_SECONDS}`],
  }
}
