/** All that is wrong with the DNS server at the moment, as one sentence. */
import type { ServiceContext } from '../kit/node/service.ts'
import type { dns } from './contract.ts'

export class Health {
  readonly #troubles = new Map<string, string>()
  private readonly context: Pick<ServiceContext<typeof dns>, 'setHealth'>

  constructor(context: Pick<ServiceContext<typeof dns>, 'setHealth'>) {
    this.context = context
  }

  set(part: 'zone' | 'disk' | 'keys' | `upstream ${string}`, sentence: string | undefined): void {
    if (this.#troubles.get(part) === sentence) return
    if (sentence === undefined) this.#troubles.delete(part)
    else this.#troubles.set(part, sentence)
    this.context.setHealth(this.#troubles.size === 0 ? undefined : [...this.#troubles.values()].join('. '))
  }
}
