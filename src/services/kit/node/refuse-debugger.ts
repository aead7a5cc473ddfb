/** Node opens a port for its debugger when SIGUSR1 comes, and whoever is on this machine may then run code in the process. */
export function refuseDebugger(): void {
  if (process.platform !== 'win32') process.on('SIGUSR1', () => undefined)
}
