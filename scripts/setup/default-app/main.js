/**
 * Runs when the test runtime is given a folder (`electron .`): the official runtime has such a default app, the test runtime does not.
 * Registers the folder's package as the app, then loads it. Plain JavaScript for Node 16, without dependencies.
 */
const { app } = require('electron')
const Module = require('module')
const path = require('path')

const args = process.argv.slice(1)
if (args.includes('--version') || args.includes('-v')) {
  console.log(`v${process.versions.electron}`)
  process.exit(0)
}
const target = args.find(arg => !arg.startsWith('-'))
if (target === undefined) {
  console.error('Usage: electron FOLDER')
  process.exit(2)
}
const folder = path.resolve(target)
const about = require(path.join(folder, 'package.json'))
app.setName(about.productName || about.name)
app.setVersion(about.version)
app.setPath('userData', path.join(app.getPath('appData'), app.getName()))
app.setAppPath(folder)
process.defaultApp = true
Module._load(path.resolve(folder, about.main), Module, true)
