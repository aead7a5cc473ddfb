/** Ignores SIGUSR1, on which Node would open its debugger's port: any user of this machine could then run code in the process. */
export function refuseDebugger(): void {
  if (process.platform !== 'win32') process.on('SIGUSR1', () => undefined)
}
