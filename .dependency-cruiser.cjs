/** The import rules: which module may import which. docs/architecture.md explains them; test/repository checks that each rule finds a planted violation. */

/** Pure modules, which run anywhere: no Node, no DOM, no clock. tsconfig.pure.json has the same list. */
const PURE = '^src/services/(kit/[^/]+|[^/]+/(wire|core)/.+|[^/]+/contract|contracts|settings|roles/plan)[.]ts$'
const TEST = '[.]test[.]tsx?$'
/** For tests only: simulated disks and links, and peers that tests control. */
const TEST_SUPPORT = '/testing/'
/** The entry points: the app, the process of a service, the page, its preload script, the command. */
const ENTRIES = '^src/(main/(main|utility-host)|preload/preload|services/cli/main)[.]ts$|^src/renderer/main[.]tsx$'

const ANY_SERVICE = '^src/services/(dns|dhcp|rudp|app-server|client|cli|roles|services[.]ts$)'
const ELECTRON = '^electron$|(^|/)node_modules/electron/'

const rule = (name, comment, from, to) => ({ name, comment, severity: 'error', from, to })

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    rule('no-cycles', 'Files that import each other are one module, or lack a third.', {}, { circular: true }),
    rule('no-dead-files', 'No program reaches this file.', { path: ENTRIES }, { path: '^src/', pathNot: [ENTRIES, TEST, TEST_SUPPORT, '[.]d[.]ts$'], reachable: false }),
    rule('nothing-unresolved', 'Every import must resolve.', {}, { couldNotResolve: true, pathNot: '^virtual:|[?]' }),
    rule('packages-declared', 'A package that package.json does not declare may vanish at any time.', {}, { dependencyTypes: ['npm-no-pkg', 'npm-unknown'] }),
    rule('test-support-in-tests-only', 'Test support is for tests only.', { pathNot: [TEST, TEST_SUPPORT] }, { path: TEST_SUPPORT }),
    rule('tests-are-leaves', 'Nothing imports a test.', {}, { path: TEST }),

    rule('pure-modules-stay-pure', 'A pure module imports only pure modules and zod, so that it runs in the window, in a service and in a test.',
      { path: PURE, pathNot: TEST }, { pathNot: [PURE, '(^|/)node_modules/zod/'] }),
    rule('services-without-window', 'A service runs without Electron and without a page.',
      { path: '^src/services/' }, { path: '^src/(main|preload|renderer)/|^electron$|(^|/)node_modules/(electron|react|react-dom|zustand)/' }),
    rule('dns-dhcp-rudp-independent', 'Services meet on the network, not in code; what several need is in kit.',
      { path: '^src/services/(dns|dhcp|rudp)/', pathNot: [TEST, '^src/services/dhcp/name-registration[.]ts$'] }, { path: ANY_SERVICE, pathNot: '^src/services/$1/' }),
    rule('dhcp-registers-names', 'DHCP registers the names of its clients at the DNS server\'s admin port, as any other program would.',
      { path: '^src/services/dhcp/name-registration[.]ts$' }, { path: ANY_SERVICE, pathNot: '^src/services/(dhcp/|dns/register[.]ts$)' }),
    rule('app-server-imports-rudp-and-register', 'The application server listens on RUDP and registers its name in DNS; it needs nothing else from other services.',
      { path: '^src/services/app-server/', pathNot: TEST }, { path: ANY_SERVICE, pathNot: '^src/services/(app-server/|rudp/|dns/register[.]ts$)' }),
    rule('client-imports-dns-dhcp-and-rudp', 'The client resolves names, obtains leases and dials; it serves no application.',
      { path: '^src/services/client/', pathNot: TEST }, { path: ANY_SERVICE, pathNot: '^src/services/(client|dns|dhcp|rudp)/' }),
    rule('roles-import-contracts-and-kit', 'Which roles run is decided without knowing how they work.',
      { path: '^src/services/roles/', pathNot: TEST }, { path: ANY_SERVICE, pathNot: '^src/services/(roles/|[^/]+/contract[.]ts$)' }),
    rule('kit-without-services', 'Code that knows a service does not belong in kit. Only the settings file imports the list of services.',
      { path: '^src/services/kit/', pathNot: TEST }, { path: '^src/services/', pathNot: '^src/services/(kit/|settings[.]ts$)' }),
    rule('implementations-in-roots-only', 'Only the programs that run services import their implementations.',
      { pathNot: ['^src/services/(services[.]ts$|cli/)', '^src/main/utility-host[.]ts$', TEST, TEST_SUPPORT] }, { path: '^src/services/(services|([^/]+)/service)[.]ts$', pathNot: '^src/services/kit/node/service[.]ts$' }),
    rule('main-imports-contracts-and-kit', 'The main process supervises; it speaks no protocol itself.',
      { path: '^src/main/', pathNot: '^src/main/utility-host[.]ts$' }, { path: '^src/renderer/|^src/services/([^/]+/(wire|core)/|(?!kit/|roles/|contracts|settings|[^/]+/contract[.]ts))' }),
    rule('preload-is-thin', 'The preload script runs beside the page: it has the channels and nothing behind them.',
      { path: '^src/preload/', pathNot: TEST }, { pathNot: [PURE, '^src/preload/', ELECTRON, '(^|/)node_modules/zod/'] }),

    rule('renderer-imports-pure-modules-only', 'The page has no Node and no Electron: only pure modules, and its contract with the main process.',
      { path: '^src/renderer/' }, { path: `^src/(services|main|preload)/|${ELECTRON}`, pathNot: [PURE, '^src/preload/contract[.]ts$'] }),
    rule('renderer-has-no-node', 'The page has no Node.', { path: '^src/renderer/' }, { dependencyTypes: ['core'] }),
    rule('features-independent', 'A feature imports only itself and what all features share; only the shell combines features.',
      { path: '^src/renderer/([^/]+)/', pathNot: '^src/renderer/shell/' }, { path: '^src/renderer/[^/]+/', pathNot: '^src/renderer/($1|ui|trace)/' }),
    rule('widgets-are-generic', 'A widget could be part of any app: it imports React, other widgets, and pure modules of kit.',
      { path: '^src/renderer/(ui|trace)/' }, { path: '^src/', pathNot: ['^src/renderer/$1/', '^src/renderer/ui/', '^src/services/kit/[^/]+[.]ts$'] }),

    rule('datagrams-through-one-door', 'kit/node/udp is the only place that opens UDP sockets.',
      { path: '^src/', pathNot: ['^src/services/kit/node/udp/', '^src/services/kit/node/source-address[.]ts$', TEST] }, { path: '^(node:)?dgram$' }),
    rule('electron-in-main-and-preload', 'Electron belongs to the app.', { path: '^src/', pathNot: '^src/(main|preload)/' }, { path: ELECTRON }),
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'types', 'default'], extensions: ['.ts', '.tsx', '.d.ts', '.js', '.cjs', '.mjs', '.css', '.json'] },
    builtInModules: { add: ['electron'] },
  },
}
