/**
 * Rules beyond those of the compiler. The oldest supported runtimes are those of Electron 22: Node 16 in services and the main process,
 * Chromium 108 in the window. What they lack and the compiler cannot know is listed here. test/repository checks that each rule finds a
 * planted violation.
 */
import { defineConfig, globalIgnores } from 'eslint/config'
import tseslint from 'typescript-eslint'

const TESTS = ['**/*.test.ts', '**/*.test.tsx', '**/testing/**', 'test/**', 'bench/**']
const PURE = [
  'src/services/kit/*.ts', 'src/services/*/wire/**/*.ts', 'src/services/*/core/**/*.ts', 'src/services/*/contract.ts', 'src/services/contracts.ts',
  'src/services/settings.ts', 'src/services/roles/plan.ts',
]

const absentInNode16 = [
  'fetch', 'Headers', 'Request', 'Response', 'FormData', 'Blob', 'File', 'WebSocket', 'EventSource', 'structuredClone', 'crypto', 'CustomEvent', 'BroadcastChannel', 'navigator',
  'ReadableStream', 'WritableStream', 'TransformStream', 'CompressionStream', 'DecompressionStream', 'localStorage',
].map(name => ({ name, message: 'Node 16 (Electron 22) does not have it.' }))

const recent = (object, ...properties) => properties.map(property => ({ object, property, message: 'Electron 22 does not have it.' }))
const recentProperties = [
  ...recent('Promise', 'withResolvers', 'try'), ...recent('Object', 'groupBy'), ...recent('Map', 'groupBy'), ...recent('Array', 'fromAsync'), ...recent('URL', 'canParse', 'parse'),
  ...recent('AbortSignal', 'any'), ...recent('ArrayBuffer', 'transfer'), ...recent('Symbol', 'dispose', 'asyncDispose'), ...recent('document', 'startViewTransition'), ...recent('RegExp', 'escape'),
]
const absentInTests = ['test', 'it', 'describe'].flatMap(object => ['skip', 'only', 'todo', 'skipIf', 'runIf', 'fails']
  .map(property => ({ object, property, message: 'Every test must run and be able to fail.' })))
const absentInPureModules = [
  { object: 'Date', property: 'now', message: 'Time is an argument (nowMs).' }, { object: 'Math', property: 'random', message: 'Randomness is an argument (kit/random.ts).' },
  { object: 'performance', property: 'now', message: 'Time is an argument (nowMs).' },
]

const syntax = {
  enums: { selector: 'TSEnumDeclaration', message: 'A union of literals says the same and compiles to no code.' },
  recentMethods: {
    selector: 'CallExpression > MemberExpression.callee[computed=false][property.name=/^(toSorted|toReversed|toSpliced|isWellFormed|toWellFormed|symmetricDifference|isSubsetOf|isSupersetOf|isDisjointFrom|startViewTransition|showPopover|hidePopover|togglePopover)$/]',
    message: 'Electron 22 does not have this method: copy, then sort, reverse or splice.',
  },
  recentWith: { selector: 'CallExpression[arguments.length=2] > MemberExpression.callee[property.name="with"]', message: 'Electron 22 has no Array.with: copy, then set.' },
  popover: { selector: 'JSXAttribute[name.name=/^popover/i]', message: 'Chromium 108 has no popovers: use ui/ or react-aria-components.' },
  newDate: { selector: 'NewExpression[callee.name="Date"][arguments.length=0]', message: 'Time is an argument (nowMs).' },
  emptyTest: { selector: 'CallExpression[callee.name=/^(test|it)$/][arguments.length=1]', message: 'Every test must run and be able to fail.' },
}
const restrictedSyntax = (...names) => ['error', ...names.map(name => syntax[name])]

const imports = {
  ipcMain: { name: 'electron', importNames: ['ipcMain', 'default'], message: 'Only src/main/ipc.ts receives messages from the window: it validates sender and shape.' },
  listen: ['node:net', 'net'].map(name => ({ name, importNames: ['createServer', 'Server', 'default'], allowTypeImports: true, message: 'Only kit/node (streams.ts) listens on sockets.' })),
  datagrams: ['node:dgram', 'dgram'].map(name => ({ name, message: 'Only kit/node/udp opens UDP sockets.' })),
}
const restrictedImports = (...paths) => ['error', { paths: paths.flat() }]

/** An `as` other than `as const` claims to know more than the compiler, so its statement must have a comment in or above it. */
const reasonForAssertion = {
  meta: { type: 'suggestion', messages: { missing: 'Say in a comment beside this `as`, or above its statement, why it holds.' }, schema: [] },
  create: ({ sourceCode, report }) => ({
    TSAsExpression(node) {
      if (sourceCode.getText(node.typeAnnotation) === 'const') return
      let statement = node
      while (statement.parent.type !== 'Program' && !/(Statement|Declaration|PropertyDefinition)$/.test(statement.type)) statement = statement.parent
      const explained = sourceCode.getAllComments().some(({ loc }) => loc.end.line >= statement.loc.start.line - 1 && loc.start.line <= node.loc.end.line)
      if (!explained) report({ node, messageId: 'missing' })
    },
  }),
}

const everywhere = {
  'eqeqeq': 'error',
  'no-console': 'error',
  'no-control-regex': 'error',
  'no-debugger': 'error',
  'no-duplicate-imports': ['error', { allowSeparateTypeImports: true }],
  'no-empty': 'error', // A catch with a comment in it is not empty.
  'no-eval': 'error',
  'no-implicit-coercion': ['error', { allow: ['!!'] }],
  'no-self-compare': 'error',
  'no-throw-literal': 'error',
  'no-unreachable': 'error',
  'no-unsafe-finally': 'error',
  'no-useless-escape': 'error',
  'no-var': 'error',
  'object-shorthand': 'error',
  'prefer-const': 'error',
  'max-lines': ['error', 350],
  'max-lines-per-function': ['error', { max: 70, skipBlankLines: true, skipComments: true }],
  'max-depth': ['error', 5],
  'max-len': ['error', { code: 200, ignoreStrings: true, ignoreTemplateLiterals: true, ignoreUrls: true, ignoreRegExpLiterals: true }],
  'eol-last': 'error',
  'no-trailing-spaces': 'error',
  'quotes': ['error', 'single', { avoidEscape: true }],
  'semi': ['error', 'never', { beforeStatementContinuationChars: 'never' }],
  'no-restricted-syntax': restrictedSyntax('enums', 'recentMethods', 'recentWith'),
  'no-restricted-properties': ['error', ...recentProperties],
}

const typed = {
  '@typescript-eslint/no-explicit-any': 'error',
  '@typescript-eslint/no-non-null-assertion': 'error',
  '@typescript-eslint/no-extra-non-null-assertion': 'error',
  '@typescript-eslint/ban-ts-comment': 'error',
  '@typescript-eslint/no-namespace': 'error',
  '@typescript-eslint/no-require-imports': 'error',
  '@typescript-eslint/no-unsafe-function-type': 'error',
  '@typescript-eslint/no-wrapper-object-types': 'error',
  '@typescript-eslint/no-useless-constructor': 'error',
  '@typescript-eslint/no-dynamic-delete': 'error',
  '@typescript-eslint/no-import-type-side-effects': 'error',
  '@typescript-eslint/prefer-as-const': 'error',
  '@typescript-eslint/array-type': ['error', { default: 'array' }],
  'hamlet/reason-for-assertion': 'error',
}

/** Rules that need type information. */
const typeAware = {
  '@typescript-eslint/await-thenable': 'error',
  '@typescript-eslint/no-floating-promises': 'error',
  '@typescript-eslint/no-misused-promises': ['error', { checksVoidReturn: { attributes: false } }],
  '@typescript-eslint/no-unnecessary-type-assertion': 'error',
  '@typescript-eslint/no-unsafe-argument': 'error',
  '@typescript-eslint/no-unsafe-assignment': 'error',
  '@typescript-eslint/no-unsafe-call': 'error',
  '@typescript-eslint/no-unsafe-member-access': 'error',
  '@typescript-eslint/no-unsafe-return': 'error',
  '@typescript-eslint/only-throw-error': 'error',
  '@typescript-eslint/prefer-promise-reject-errors': ['error', { allowThrowingUnknown: true, allowThrowingAny: true }],
  '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
}

export default defineConfig(
  globalIgnores(['node_modules/', 'out/', '.vite/', '.cache/', 'test-results/', 'assets/']),
  { files: ['**/*.{js,mjs,cjs,ts,tsx}'], linterOptions: { reportUnusedDisableDirectives: 'error' }, rules: everywhere },
  {
    files: ['**/*.{ts,tsx}'],
    languageOptions: { parser: tseslint.parser },
    plugins: { '@typescript-eslint': tseslint.plugin, 'hamlet': { rules: { 'reason-for-assertion': reasonForAssertion } } },
    rules: typed,
  },
  {
    files: ['src/**/*.{ts,tsx}'],
    ignores: ['**/*.d.ts'],
    languageOptions: { parserOptions: { project: ['tsconfig.json', 'tsconfig.services.json', 'tsconfig.renderer.json'], tsconfigRootDir: import.meta.dirname } },
    rules: { ...typeAware, 'no-restricted-imports': restrictedImports(imports.listen, imports.datagrams) },
  },
  { files: ['src/services/**', 'src/main/**', 'src/preload/**'], rules: { 'no-restricted-globals': ['error', ...absentInNode16] } },
  { files: ['src/main/**', 'src/preload/**'], rules: { 'no-restricted-imports': restrictedImports(imports.listen, imports.datagrams, imports.ipcMain) } },
  { files: ['src/main/electron-compat.ts'], rules: { 'no-restricted-globals': 'off' } }, // It checks before it uses them: that is its purpose.
  { files: ['src/main/ipc.ts'], rules: { 'no-restricted-imports': restrictedImports(imports.listen, imports.datagrams) } },
  { files: ['src/services/kit/node/**'], rules: { 'no-restricted-imports': restrictedImports(imports.datagrams) } },
  { files: ['src/services/kit/node/udp/**', 'src/services/kit/node/source-address.ts'], rules: { 'no-restricted-imports': 'off' } },
  {
    files: PURE,
    ignores: TESTS,
    rules: {
      'no-restricted-properties': ['error', ...recentProperties, ...absentInPureModules],
      'no-restricted-syntax': restrictedSyntax('enums', 'recentMethods', 'recentWith', 'newDate'),
    },
  },
  { files: ['src/renderer/**'], rules: { 'no-restricted-syntax': restrictedSyntax('enums', 'recentMethods', 'recentWith', 'popover') } },
  {
    // Tests run on a current Node.
    files: TESTS,
    rules: {
      'max-lines': ['error', 600],
      'no-restricted-globals': 'off',
      'no-restricted-imports': 'off',
      'no-restricted-properties': ['error', ...absentInTests],
      'no-restricted-syntax': restrictedSyntax('enums', 'emptyTest'),
      'max-lines-per-function': 'off',
      'hamlet/reason-for-assertion': 'off',
      // `expect.any` and parsed JSON are `any` by nature.
      ...Object.fromEntries(Object.keys(typeAware).filter(name => name.includes('no-unsafe')).map(name => [name, 'off'])),
    },
  },
  { files: ['scripts/**', 'bench/**', '*.config.{js,ts}', '**/*.{cjs,mjs}'], rules: { 'no-console': 'off', 'max-lines-per-function': 'off', 'no-restricted-properties': 'off', 'no-restricted-syntax': 'off' } },
)
