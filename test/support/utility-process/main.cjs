/** `electron test/support/utility-process SCRIPT ARGUMENT…`: runs the script in a utility process and exits with its status. */
const { app, utilityProcess } = require('electron')

const [script, ...args] = process.argv.slice(process.argv.indexOf(app.getAppPath()) + 1).filter(word => !['--no-sandbox', '--disable-gpu'].includes(word))

app.whenReady().then(() => {
  const child = utilityProcess.fork(script, args, { stdio: 'inherit' })
  child.once('exit', status => app.exit(status))
  process.once('SIGTERM', () => child.kill())
})
