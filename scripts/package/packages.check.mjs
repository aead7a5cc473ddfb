/** Checks that the packages from `npm run make` work when unpacked: the command, and the window as an ordinary user, with the sandbox on if the system allows it. */
import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { chmodSync, chownSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { addOnName } from '../add-on.mjs'
import { startVirtualDisplay } from '../setup/display.mjs'
import { at } from '../setup/places.mjs'
import { sandboxWorks } from '../setup/sandbox.mjs'
import { ELECTRON_LIBRARIES } from '../setup/system-packages.mjs'
import { asNobody, isRoot } from '../test/ordinary-user.mjs'

const WINDOW_WITHIN_MS = 60_000

const sandbox = await sandboxWorks(isRoot() ? asNobody : undefined)
let display
let unpacked
const made = readdirSync(at('out', 'make'), { recursive: true }).map(name => at('out', 'make', name))

before(async () => {
  unpacked = mkdtempSync(join(tmpdir(), 'hamlet-packages-'))
  chmodSync(unpacked, 0o755)
  display = await startVirtualDisplay()
})
after(() => {
  display.end()
  rmSync(unpacked, { recursive: true, force: true })
})

for (const { kind, unpack, folder, licence, command } of [
  { kind: 'deb', unpack: (file, to) => ['dpkg-deb', ['-x', file, to]], folder: 'usr/lib/hamlet', licence: 'usr/share/doc/hamlet/copyright', command: 'usr/bin/hamlet' },
  { kind: 'zip', unpack: (file, to) => ['unzip', ['-q', file, '-d', to]], folder: 'Hamlet-linux-x64', licence: 'Hamlet-linux-x64/LICENSE', command: 'Hamlet-linux-x64/hamlet' },
]) {
  test(`the .${kind} contains the hamlet command and a window that opens`, async () => {
    const file = made.find(name => name.endsWith(`.${kind}`))
    assert.ok(file, `make produced a .${kind}`)
    const to = join(unpacked, kind)
    ok(spawnSync(...unpack(file, to), { encoding: 'utf8' }))
    const hamlet = join(to, command)
    assert.match(ok(spawnSync(hamlet, ['--help'], { encoding: 'utf8' })), /hamlet dns/)
    assert.equal(ok(spawnSync(hamlet, [], { encoding: 'utf8' })), ok(spawnSync(hamlet, ['--help'], { encoding: 'utf8' })), 'without arguments it prints the help')
    assert.equal(spawnSync(hamlet, ['dns', '--nonsense']).status, 2, 'bad usage is status 2')
    assert.equal(await udpLine(hamlet), 'UDP: in batches (native add-on)')
    assert.match(openWindow(hamlet), /^window: Hamlet/m)
    assert.deepEqual(readdirSync(join(to, folder, 'resources')).sort(), ['app.asar', 'assets', 'native'], 'nothing unexpected is packed')
    assert.deepEqual(readdirSync(join(to, folder, 'resources', 'native')), [addOnName])
    assert.match(readFileSync(join(to, licence), 'utf8'), /The Hamlet authors/)
    for (const text of ['LICENSE.electron.txt', 'LICENSES.chromium.html', 'THIRD-PARTY-NOTICES.md']) assert.ok(existsSync(join(to, folder, text)), text)
  })
}

test('the .deb depends on each library that Electron needs', () => {
  const depends = ok(spawnSync('dpkg-deb', ['--field', made.find(name => name.endsWith('.deb')), 'Depends'], { encoding: 'utf8' })).split(/[,|]/).map(name => name.trim())
  for (const names of ELECTRON_LIBRARIES) assert.ok(names.some(name => depends.includes(name)), `one of ${names.join(', ')} in ${depends.join(', ')}`)
})

test('the desktop entry opens the window', () => {
  const entry = readFileSync(join(unpacked, 'deb/usr/share/applications/hamlet.desktop'), 'utf8')
  assert.match(entry, /^Exec=hamlet window %U$/m)
  assert.equal(statSync(join(unpacked, 'deb/usr/lib/hamlet/chrome-sandbox')).mode & 0o4755, 0o4755, 'the sandbox helper is set-uid')
})

test('a package that contains the test runtime says so in its name', () => {
  const version = readFileSync(join(unpacked, 'zip/Hamlet-linux-x64/version'), 'utf8').trim()
  for (const file of made.filter(name => /\.(deb|zip)$/.test(name))) assert.equal(/test-runtime/.test(file), version.startsWith('22.'), file)
})

/** Runs `hamlet window --smoke`, which exits by itself once the page is drawn; as nobody if we are root. */
function openWindow(hamlet) {
  const home = mkdtempSync(join(unpacked, 'home-'))
  const args = ['window', '--smoke', '--disable-gpu', ...(sandbox ? [] : ['--no-sandbox'])]
  if (isRoot()) chownSync(home, 65534, 65534)
  const [command, commandArgs] = isRoot() ? asNobody(hamlet, args) : [hamlet, args]
  return ok(spawnSync(command, commandArgs, {
    encoding: 'utf8', timeout: WINDOW_WITHIN_MS, env: { ...process.env, DISPLAY: display.name, HOME: home, XDG_CONFIG_HOME: join(home, '.config') },
  }))
}

/** The line about UDP that a service of the package prints at startup. */
async function udpLine(hamlet) {
  const service = spawn(hamlet, ['dns', '--port', '0', '--admin_port', '0', '--data', mkdtempSync(join(unpacked, 'data-'))], { stdio: ['ignore', 'ignore', 'pipe'] })
  let said = ''
  for await (const chunk of service.stderr.setEncoding('utf8')) {
    said += chunk
    if (/^UDP: .*\n/m.test(said)) service.kill('SIGTERM')
  }
  return /^UDP: .*$/m.exec(said)?.[0] ?? said
}

function ok({ status, signal, stdout, stderr, error }) {
  assert.equal(status, 0, `status ${status ?? signal ?? error}: ${stdout}${stderr}`)
  return stdout
}
