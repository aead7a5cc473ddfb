import { expect, test } from 'vitest'
import { homeFolder, userDataFolder } from './data-folder.ts'

test.each([
  { platform: 'linux', environment: {}, home: '/home/yorick', folder: '/home/yorick/.config/Hamlet' },
  { platform: 'linux', environment: { XDG_CONFIG_HOME: '/srv/config' }, home: '/home/yorick', folder: '/srv/config/Hamlet' },
  { platform: 'linux', environment: { XDG_CONFIG_HOME: '' }, home: '/root', folder: '/root/.config/Hamlet' },
  { platform: 'freebsd', environment: {}, home: '/home/yorick', folder: '/home/yorick/.config/Hamlet' },
  { platform: 'darwin', environment: { XDG_CONFIG_HOME: '/ignored' }, home: '/Users/yorick', folder: '/Users/yorick/Library/Application Support/Hamlet' },
  { platform: 'win32', environment: { APPDATA: 'C:\\Users\\yorick\\AppData\\Roaming' }, home: 'C:\\Users\\yorick', folder: 'C:\\Users\\yorick\\AppData\\Roaming\\Hamlet' },
  { platform: 'win32', environment: {}, home: 'C:\\Users\\yorick', folder: 'C:\\Users\\yorick\\AppData\\Roaming\\Hamlet' },
])('$platform with $environment keeps its data in $folder', ({ platform, environment, home, folder }) => {
  expect(userDataFolder(platform, environment, () => home)).toBe(folder)
})

const unknown = () => { throw new Error('no such user') }

test('an empty or relative HOME is ignored in favor of the user database', () => {
  for (const home of ['', '.', 'yorick']) expect(homeFolder([() => home, () => '/home/yorick'])).toBe('/home/yorick')
  expect(homeFolder([() => '/srv/home', unknown])).toBe('/srv/home')
})

test('an unknown home folder is an error, but only if it is needed', () => {
  expect(() => homeFolder([unknown, unknown])).toThrow(expect.objectContaining({ code: 'folder-missing' }))
  expect(userDataFolder('linux', { XDG_CONFIG_HOME: '/srv/config' }, () => homeFolder([unknown]))).toBe('/srv/config/Hamlet')
})
