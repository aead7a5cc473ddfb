import { expect, test } from 'vitest'
import { userDataFolder } from './data-folder.ts'

test.each([
  { platform: 'linux', environment: {}, home: '/home/yorick', folder: '/home/yorick/.config/Hamlet' },
  { platform: 'linux', environment: { XDG_CONFIG_HOME: '/srv/config' }, home: '/home/yorick', folder: '/srv/config/Hamlet' },
  { platform: 'linux', environment: { XDG_CONFIG_HOME: '' }, home: '/root', folder: '/root/.config/Hamlet' },
  { platform: 'freebsd', environment: {}, home: '/home/yorick', folder: '/home/yorick/.config/Hamlet' },
  { platform: 'darwin', environment: { XDG_CONFIG_HOME: '/ignored' }, home: '/Users/yorick', folder: '/Users/yorick/Library/Application Support/Hamlet' },
  { platform: 'win32', environment: { APPDATA: 'C:\\Users\\yorick\\AppData\\Roaming' }, home: 'C:\\Users\\yorick', folder: 'C:\\Users\\yorick\\AppData\\Roaming\\Hamlet' },
  { platform: 'win32', environment: {}, home: 'C:\\Users\\yorick', folder: 'C:\\Users\\yorick\\AppData\\Roaming\\Hamlet' },
])('$platform with $environment keeps its data in $folder', ({ platform, environment, home, folder }) => {
  expect(userDataFolder(platform, environment, home)).toBe(folder)
})
