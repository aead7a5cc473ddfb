/** Who may import whom. docs/architecture.md tells it in words; test/repository plants a violation of each rule and sees it fail. */

/** Runs anywhere: no Node, no DOM, no clock. The same list stands in tsconfig.pure.json. */
const PURE = '^src/services/(kit/[^/]+|[^/]+/(wire|core)/.+|[^/]+/contract|contracts|settings|roles/plan)[.]ts$'
const TEST = '[.]test[.]tsx?$'
/** Simulated disks and links, peers that tests drive: for tests alone. */
const TEST_SUPPORT = '/testing/'
/** Where programs begin: the app, every service's process, the page, its preload script, the command. */
const ENTRIES = '^src/(main/(main|utility-host)|preload/preload|services/cli/main)[.]ts$|^src/renderer/main[.]tsx$'

const ANY_SERVICE = '^src/services/(dns|dhcp|rudp|app-server|client|cli|roles|services[.]ts$)'
const ELECTRON = '^electron$|(^|/)node_modules/electron/'

const wall = (name, comment, from, to) => ({ name, comment, severity: 'error', from, to })

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    wall('no-cycles', 'Files that need each other are one thing, or lack a third.', {}, { circular: true }),
    wall('no-dead-files', 'No program reaches this file.', { path: ENTRIES }, { path: '^src/', pathNot: [ENTRIES, TEST, TEST_SUPPORT, '[.]d[.]ts$'], reachable: false }),
    wall('nothing-unresolved', 'What is imported must be there.', {}, { couldNotResolve: true, pathNot: '^virtual:|[?]' }),
    wall('packages-declared', 'A package that package.json does not name may vanish any day.', {}, { dependencyTypes: ['npm-no-pkg', 'npm-unknown'] }),
    wall('test-support-in-tests-only', 'No program runs on simulated disks or links.', { pathNot: [TEST, TEST_SUPPORT] }, { path: TEST_SUPPORT }),
    wall('tests-are-leaves', 'Nothing is built on a test.', {}, { path: TEST }),

    wall('pure-rooms-stay-pure', 'A pure room reads pure rooms and zod, so that it runs in the window, in a service and in a test.',
      { path: PURE, pathNot: TEST }, { pathNot: [PURE, '(^|/)node_modules/zod/'] }),
    wall('services-know-no-window', 'A service runs without Electron and without a page.',
      { path: '^src/services/' }, { path: '^src/(main|preload|renderer)/|^electron$|(^|/)node_modules/(electron|react|react-dom|zustand)/' }),
    wall('dns-dhcp-rudp-stand-apart', 'Services meet on the network, not in code; what two need stands in kit.',
      { path: '^src/services/(dns|dhcp|rudp)/', pathNot: [TEST, '^src/services/dhcp/name-registration[.]ts$'] }, { path: ANY_SERVICE, pathNot: '^src/services/$1/' }),
    wall('dhcp-registers-names', 'The names of DHCP clients go to the DNS server by its admin port, as anybody\'s do.',
      { path: '^src/services/dhcp/name-registration[.]ts$' }, { path: ANY_SERVICE, pathNot: '^src/services/(dhcp/|dns/register[.]ts$)' }),
    wall('app-server-reads-rudp-and-register', 'The app server is served by RUDP and registers by DNS; it needs nothing else of the others.',
      { path: '^src/services/app-server/', pathNot: TEST }, { path: ANY_SERVICE, pathNot: '^src/services/(app-server/|rudp/|dns/register[.]ts$)' }),
    wall('client-reads-dns-dhcp-and-rudp', 'The client finds, leases and dials; it serves no application.',
      { path: '^src/services/client/', pathNot: TEST }, { path: ANY_SERVICE, pathNot: '^src/services/(client|dns|dhcp|rudp)/' }),
    wall('roles-read-contracts-and-kit', 'Which roles run is decided without knowing how they work.',
      { path: '^src/services/roles/', pathNot: TEST }, { path: ANY_SERVICE, pathNot: '^src/services/(roles/|[^/]+/contract[.]ts$)' }),
    wall('kit-knows-no-service', 'What knows a service does not belong into kit. The settings file alone reads the list of services.',
      { path: '^src/services/kit/', pathNot: TEST }, { path: '^src/services/', pathNot: '^src/services/(kit/|settings[.]ts$)' }),
    wall('implementations-in-roots-only', 'Only the programs that run services read their implementations.',
      { pathNot: ['^src/services/(services[.]ts$|cli/)', '^src/main/utility-host[.]ts$', TEST, TEST_SUPPORT] }, { path: '^src/services/(services|([^/]+)/service)[.]ts$', pathNot: '^src/services/kit/node/service[.]ts$' }),
    wall('main-reads-contracts-and-kit', 'The main process supervises; it speaks no protocol itself.',
      { path: '^src/main/', pathNot: '^src/main/utility-host[.]ts$' }, { path: '^src/renderer/|^src/services/([^/]+/(wire|core)/|(?!kit/|roles/|contracts|settings|[^/]+/contract[.]ts))' }),
    wall('preload-is-thin', 'The preload script runs beside the page: the channels, and nothing behind them.',
      { path: '^src/preload/', pathNot: TEST }, { pathNot: [PURE, '^src/preload/', ELECTRON, '(^|/)node_modules/zod/'] }),

    wall('renderer-sees-pure-rooms-only', 'The page has no Node and no Electron: pure rooms, and what it may say to the main process.',
      { path: '^src/renderer/' }, { path: `^src/(services|main|preload)/|${ELECTRON}`, pathNot: [PURE, '^src/preload/contract[.]ts$'] }),
    wall('renderer-has-no-node', 'The page has no Node.', { path: '^src/renderer/' }, { dependencyTypes: ['core'] }),
    wall('features-stand-apart', 'A feature reads itself and what all share; only the shell puts features together.',
      { path: '^src/renderer/([^/]+)/', pathNot: '^src/renderer/shell/' }, { path: '^src/renderer/[^/]+/', pathNot: '^src/renderer/($1|ui|trace)/' }),
    wall('widgets-know-no-hamlet', 'A widget could stand in any window: React and itself; errors have their form from kit.',
      { path: '^src/renderer/(ui|trace)/' }, { path: '^src/', pathNot: ['^src/renderer/$1/', '^src/renderer/ui/', '^src/services/kit/[^/]+[.]ts$'] }),

    wall('datagrams-through-one-door', 'kit/node/udp is the only place that opens UDP sockets.',
      { path: '^src/', pathNot: ['^src/services/kit/node/udp/', '^src/services/kit/node/source-address[.]ts$', TEST] }, { path: '^(node:)?dgram$' }),
    wall('electron-in-main-and-preload', 'Electron belongs to the app.', { path: '^src/', pathNot: '^src/(main|preload)/' }, { path: ELECTRON }),
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'types', 'default'], extensions: ['.ts', '.tsx', '.d.ts', '.js', '.cjs', '.mjs', '.css', '.json'] },
    builtInModules: { add: ['electron'] },
  },
}
