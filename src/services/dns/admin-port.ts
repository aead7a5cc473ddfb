/** The admin port: plain text over UDP, one line a datagram, `OK …` or `ERROR …` back. The window's command comes here too. */
import type { Path } from '../kit/endpoint.ts'
import type { Clock } from '../kit/node/clock.ts'
import type { DatagramDoor } from '../kit/node/udp/door.ts'
import { openTracedDoor } from '../kit/node/udp/traced-door.ts'
import type { TraceRing } from '../kit/trace.ts'
import { formatAdminError, formatChanged, formatList, parseAdminLine, toDatagrams } from './core/admin.ts'
import type { ZoneChange } from './core/zone-change.ts'
import type { Zone } from './core/zone.ts'

/** What the lines act on. */
export interface AdminTarget {
  readonly zone: Zone
  /** Returns when the change is safe on disk. */
  change(change: ZoneChange): Promise<unknown>
  /** @returns how many cached answers were forgotten */
  flush(): number
}

/**
 * Runs one line.
 * @param line one character an octet
 * @returns the reply's lines, of which the last begins with OK or ERROR; never throws
 */
export async function runAdminLine(line: string, target: AdminTarget): Promise<string[]> {
  try {
    const command = parseAdminLine(line)
    if (command.verb === 'list') return formatList(target.zone.records(), target.zone.size)
    if (command.verb === 'flush') {
      const count = target.flush()
      return [`OK ${count} cached ${count === 1 ? 'answer' : 'answers'} forgotten`]
    }
    await target.change(command.change)
    return [formatChanged(command.change)]
  } catch (error) {
    return [formatAdminError(error)]
  }
}

/** @throws HamletError port-taken, port-not-permitted or address-not-local */
export async function openAdminPort(options: { addresses: readonly string[]; port: number; target: AdminTarget; trace: TraceRing; clock: Clock }): Promise<DatagramDoor> {
  const reply = (path: Path, lines: readonly string[]): void => {
    for (const text of toDatagrams(lines)) door.send(path, Buffer.from(text, 'utf8'))
    door.flush()
  }
  const door: DatagramDoor = await openTracedDoor({
    addresses: options.addresses, port: options.port,
    receive(batch) {
      const { count, slab, offsets, lengths } = batch
      for (let index = 0; index < count; index++) {
        const offset = offsets[index] ?? 0
        const path = batch.path(index)
        const line = Buffer.from(slab.subarray(offset, offset + (lengths[index] ?? 0))).toString('latin1')
        // Two admin ports that are made to talk to each other by a forged sender must not go on for ever.
        if (/^(OK|ERROR)\b/.test(line)) continue
        void runAdminLine(line, options.target).then(lines => reply(path, lines))
      }
    },
  }, options.trace, 'admin', options.clock)
  return door
}
