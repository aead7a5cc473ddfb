/** Debian packages: finds out which are missing for a purpose, and installs them if permitted. */
import { existsSync } from 'node:fs'
import { which } from './places.mjs'
import { run } from './run.mjs'
import { say, SetupError } from './say.mjs'

/** Program, or a library's file → the Debian package that provides it. */
const PROGRAMS = {
  test: {
    Xvfb: 'xvfb', setpriv: 'util-linux', unshare: 'util-linux', bash: 'bash', pgrep: 'procps', ip: 'iproute2', curl: 'curl',
    dig: 'bind9-dnsutils', unbound: 'unbound', udhcpc: 'udhcpc', bootpc: 'bootpc', '/usr/lib/klibc/bin/ipconfig': 'klibc-utils', dhclient: 'isc-dhcp-client', dnsmasq: 'dnsmasq-base', tshark: 'tshark',
    cc: 'gcc', strace: 'strace', kdig: 'knot-dnsutils', knotd: 'knot', nsd: 'nsd', nsupdate: 'bind9-dnsutils', 'named-checkzone': 'bind9-utils', kzonecheck: 'knot-dnssecutils',
    'kea-dhcp4': 'kea-dhcp4-server', dhcpcd: 'dhcpcd5', '/usr/lib/python3/dist-packages/dns/message.py': 'python3-dnspython',
    '/usr/lib/python3/dist-packages/cryptography/__init__.py': 'python3-cryptography',
  },
  bench: { cc: 'gcc', dnsperf: 'dnsperf', perfdhcp: 'kea-admin', 'kea-dhcp4': 'kea-dhcp4-server', dnsmasq: 'dnsmasq-base', unbound: 'unbound', knotd: 'knot', nsd: 'nsd', ip: 'iproute2', curl: 'curl' },
  make: { dpkg: 'dpkg', 'dpkg-deb': 'dpkg', zip: 'zip', unzip: 'unzip', Xvfb: 'xvfb' },
}

/** Packages with a service that Debian starts at once. Only the programs are wanted, and port 53 free. */
const UNWANTED_SERVICES = ['unbound', 'knot', 'nsd', 'kea-dhcp4-server', 'dhcpcd5']

/** Libraries that Electron's executable needs; all others are dependencies of these. Newer releases renamed some (t64). */
export const ELECTRON_LIBRARIES = [['libgtk-3-0t64', 'libgtk-3-0'], ['libnss3'], ['libasound2t64', 'libasound2'], ['libgbm1']]

/** @param purpose a key of PROGRAMS */
export async function ensurePrograms(purpose) {
  if (process.platform !== 'linux') return
  const missing = Object.keys(PROGRAMS[purpose]).filter(program => !isThere(program))
  if (missing.length === 0) return
  await aptInstall([...new Set(missing.map(program => PROGRAMS[purpose][program]))], `for ${missing.join(', ')}`)
}

const isThere = program => program.startsWith('/') ? existsSync(program) : which(program) !== undefined

/** pip is a module of python3, not a program with a fixed name. */
export async function ensurePip() {
  const python = which('python3')
  const hasPip = python !== undefined && await run(python, ['-m', 'pip', '--version']).then(() => true, () => false)
  if (!hasPip) await aptInstall(['python3', 'python3-pip'], 'to fetch the Electron runtime')
}

/** @param executable Electron's, whose shared libraries are checked with ldd */
export async function ensureElectronLibraries(executable) {
  if (process.platform !== 'linux') return
  const missing = await missingLibraries(executable)
  if (missing.length === 0) return
  await aptInstall(ELECTRON_LIBRARIES, `for ${missing.join(', ')}`)
  const still = await missingLibraries(executable)
  if (still.length > 0) throw new SetupError(`Electron needs ${still.join(', ')}, which no package known to the setup provides: install them by hand.`)
}

async function missingLibraries(executable) {
  const listed = await run('ldd', [executable]).catch(() => '') // no ldd (musl): Electron itself will report them
  return [...listed.matchAll(/^\s*(\S+) => not found/gm)].map(match => match[1])
}

/** @param wanted names, or lists of alternatives, of which the first known to this release is installed */
async function aptInstall(wanted, why) {
  const installed = await installedPackages()
  const alternatives = wanted.map(names => [names].flat()).filter(names => !names.some(name => installed.has(name)))
  const asRoot = await rightToInstall()
  if (which('apt-get') === undefined || asRoot === undefined) {
    const names = alternatives.map(names => names.at(-1)).join(' ')
    throw new SetupError(`missing Debian packages ${why}: ${names}. The setup has no permission to install them; ask an administrator to run: apt-get install ${names}`)
  }
  if (!await known(alternatives)) await apt(asRoot, ['update'], 'Reading the Debian package lists')
  const names = await chosen(alternatives)
  say(`Installing Debian packages ${why}: ${names.join(' ')}`)
  const install = () => apt(asRoot, ['install', '-y', '--no-install-recommends', ...names], 'apt-get install')
  // The lists may be out of date, and an earlier installation may have been interrupted: repair both, then retry.
  await install().catch(async () => {
    await run(...asRoot(['dpkg', '--configure', '-a'])).catch(() => undefined)
    await apt(asRoot, ['update'], 'Reading the Debian package lists again')
    await install()
  })
  for (const service of UNWANTED_SERVICES.filter(name => names.includes(name) && existsSync('/run/systemd/system'))) {
    say(`Stopping and disabling the service of ${service}: only the program is needed.`)
    await run(...asRoot(['systemctl', 'disable', '--now', service]))
  }
}

/** A function that makes a command run as root, or undefined if that is not permitted. */
async function rightToInstall() {
  if (process.getuid?.() === 0) return ([command, ...args]) => [command, args]
  const sudo = which('sudo')
  if (sudo === undefined) return undefined
  if (await run(sudo, ['-n', 'true']).then(() => true, () => false)) return command => [sudo, ['-n', ...command]]
  if (process.stdin.isTTY !== true) return undefined
  say('System packages are missing: sudo asks for your password to install them.')
  await run(sudo, ['-v'], { inherit: true })
  return command => [sudo, command]
}

const apt = (asRoot, args, title) => {
  const [command, commandArgs] = asRoot(['env', 'DEBIAN_FRONTEND=noninteractive', 'apt-get', '-qq', '-o', 'DPkg::Lock::Timeout=300', ...args])
  // May outlive this process: a half-configured package is worse than one too many.
  return run(command, commandArgs, { title, tied: false })
}

const isKnown = name => run('apt-cache', ['show', '--no-all-versions', name]).then(() => true, () => false)

async function known(alternatives) {
  for (const names of alternatives) if (!(await Promise.all(names.map(isKnown))).includes(true)) return false
  return true
}

const chosen = alternatives => Promise.all(alternatives.map(async names => {
  for (const name of names) if (await isKnown(name)) return name
  return names.at(-1)
}))

async function installedPackages() {
  const listed = await run('dpkg-query', ['--show', '--showformat', '${Package} ${db:Status-Abbrev}\n']).catch(() => '')
  return new Set([...listed.matchAll(/^(\S+) ii/gm)].map(match => match[1]))
}
