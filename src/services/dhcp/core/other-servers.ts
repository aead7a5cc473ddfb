/**
 * Which clients to serve when there are other DHCP servers on the network. Two servers that do not coordinate may lease
 * the same address twice. So this one serves clients other than Hamlet's own only if no other server answers, or the
 * user has confirmed it in words.
 */
import { UsageError } from '../../kit/errors.ts'

/** The words the user types to confirm. */
export const CONFIRMATION = 'serve everyone'

/** Another DHCP server. */
export interface OtherServer {
  /** Its server identifier, which is its address. */
  readonly server: string
  /** The interface on which it answered. */
  readonly interfaceName: string
}

export class OtherServers {
  #known: readonly OtherServer[] = []
  #confirmed: boolean
  /** The first search has not lasted long enough yet. */
  #searching = true

  /** @param confirmed whether the user has confirmed it in the settings */
  constructor(confirmed: boolean) {
    this.#confirmed = confirmed
  }

  /** Serve only Hamlet's own clients: while another server answers, and until the first search has found none. */
  get hamletOnly(): boolean {
    return !this.#confirmed && (this.#searching || this.#known.length > 0)
  }

  /** What to report to the user; undefined if no other server answers. */
  get report(): string | undefined {
    if (this.#known.length === 0) return undefined
    const others = this.#known.map(({ server, interfaceName }) => `${server} on ${interfaceName}`).join(', ')
    if (this.#confirmed) return `another DHCP server answers too (${others})`
    return `another DHCP server answers (${others}), so only Hamlet's own clients are served; to serve everyone beside it, confirm "${CONFIRMATION}", or set --beside_others`
  }

  /** A server answered. */
  add(found: OtherServer): void {
    if (this.#known.every(({ server }) => server !== found.server)) this.#known = [...this.#known, found]
  }

  /**
   * Starts over with these interfaces: they must be searched again, and servers on other interfaces no longer matter.
   */
  beginOn(interfaceNames: readonly string[]): void {
    this.#searching = true
    this.#known = this.#known.filter(({ interfaceName }) => interfaceNames.includes(interfaceName))
  }

  /** The search has lasted long enough to start serving. */
  searchedLongEnough(): void {
    this.#searching = false
  }

  /**
   * A search has ended.
   * @param found undefined if it could not be made; then the known servers stay
   */
  replace(found: readonly OtherServer[] | undefined): void {
    this.searchedLongEnough()
    if (found !== undefined) this.#known = found
  }

  /**
   * Serves all clients from now on.
   * @throws UsageError if the words are not CONFIRMATION
   */
  confirm(words: string): void {
    if (words.trim().toLowerCase() !== CONFIRMATION) throw new UsageError('nothing was changed', `"${words}" is not the confirmation`, `type "${CONFIRMATION}", knowing that two servers may lease the same address twice`)
    this.#confirmed = true
  }
}
