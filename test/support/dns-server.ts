/** Starts `hamlet dns` on free ports of 127.0.0.1. */
import { RunningHamlet, type Where } from './hamlet.ts'

export interface RunningDns {
  readonly dns: RunningHamlet
  readonly port: number
  readonly adminPort: number
}

/** Returns when it is ready for requests. */
export async function startDns(folder: string, more: readonly string[] = [], where: Where = {}): Promise<RunningDns> {
  const dns = new RunningHamlet(['dns', '--host', '127.0.0.1', '--port', '0', '--admin_port', '0', '--data', folder, ...more], where)
  const [, port] = await dns.line(/^DNS Server is running on 127\.0\.0\.1:(\d+)\.\.\.$/)
  await dns.line(/^Waiting for requests\.\.\.$/)
  const [, adminPort] = await dns.line(/the admin port is 127\.0\.0\.1:(\d+)/, 'stderr')
  return { dns, port: Number(port), adminPort: Number(adminPort) }
}
