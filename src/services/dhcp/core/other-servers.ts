/**
 * Who is served beside other DHCP servers: strangers only where no other answers, or where the person has confirmed in words
 * that both shall serve. Two servers that do not know of each other lend the same addresses twice.
 */
import { UsageError } from '../../kit/errors.ts'

/** What the person types. */
export const CONFIRMATION = 'serve everyone'

/** Another DHCP server. */
export interface OtherServer {
  /** Its server identifier: its address. */
  readonly server: string
  /** Where it was heard. */
  readonly interfaceName: string
}

export class OtherServers {
  #known: readonly OtherServer[] = []
  #confirmed: boolean
  #waiting = true

  /** @param confirmed the person has said so in the settings */
  constructor(confirmed: boolean) {
    this.#confirmed = confirmed
  }

  /** Hamlet's own clients only. At first, too: until it has been listened for others. */
  get hamletOnly(): boolean {
    return !this.#confirmed && (this.#waiting || this.#known.length > 0)
  }

  /** What the person should know; undefined where nobody else answers. */
  get sentence(): string | undefined {
    if (this.#known.length === 0) return undefined
    const others = this.#known.map(({ server, interfaceName }) => `${server} on ${interfaceName}`).join(', ')
    if (this.#confirmed) return `another DHCP server answers too (${others})`
    return `another DHCP server answers (${others}), so only Hamlet's own clients are served; to serve everyone beside it, confirm "${CONFIRMATION}", or set --beside_others`
  }

  /** One was heard. */
  add(rival: OtherServer): void {
    if (this.#known.every(({ server }) => server !== rival.server)) this.#known = [...this.#known, rival]
  }

  /** These interfaces are served from now on: it is to be listened anew, and who answers elsewhere does not matter any more. */
  beginOn(interfaceNames: readonly string[]): void {
    this.#waiting = true
    this.#known = this.#known.filter(({ interfaceName }) => interfaceNames.includes(interfaceName))
  }

  /** It was listened long enough to serve. */
  heardLongEnough(): void {
    this.#waiting = false
  }

  /**
   * A look is over.
   * @param heard undefined where it could not be looked: what was known stays
   */
  replace(heard: readonly OtherServer[] | undefined): void {
    this.heardLongEnough()
    if (heard !== undefined) this.#known = heard
  }

  /**
   * Serves everybody from now on.
   * @throws UsageError: not the words that are asked for
   */
  confirm(words: string): void {
    if (words.trim().toLowerCase() !== CONFIRMATION) throw new UsageError('nothing was changed', `"${words}" is not what is to be typed`, `type "${CONFIRMATION}", and know that two servers may lend one address twice`)
    this.#confirmed = true
  }
}
