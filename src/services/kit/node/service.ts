/** A service's implementation: what its contract promises, on real sockets and disk. Runs in any process of Node. */
import type { AskOf, Contract, EventsOf, ReplyOf, RowOf, SettingsOf, UncheckedSettings } from '../contract.ts'
import { UsageError } from '../errors.ts'
import { Health } from '../health.ts'
import type { ServiceEndpoint } from '../host-protocol.ts'
import type { Random } from '../random.ts'
import { TraceRing } from '../trace.ts'
import { systemClock, type Clock } from './clock.ts'
import { makeDataFolder } from './data-folder.ts'
import { secureRandom } from './random.ts'

/** What a service is given. */
export interface ServiceContext<C extends Contract> {
  readonly settings: SettingsOf<C>
  /** Exists and may be written. */
  readonly dataFolder: string
  /** Holds what Hamlet ships: the demo site, icons. Read only. */
  readonly assetsFolder: string
  readonly secrets: Readonly<Record<string, string>>
  readonly clock: Clock
  readonly random: Random
  readonly trace: TraceRing
  /** A line that the original system prints, word for word: stdout. */
  printContractLine(text: string): void
  /** One line for a person who watches: stderr and the console in the window. */
  log(text: string): void
  emit<Name extends keyof EventsOf<C> & string>(name: Name, data: EventsOf<C>[Name]): void
  /** Sets a row of the panel's table, or removes it. */
  setRow(key: string, row: RowOf<C> | undefined): void
  /** Where it runs, but not as it should: what is wrong, part by part. */
  readonly health: Health
  /** It is reached elsewhere from now on: the addresses of this machine have changed. */
  setEndpoints(endpoints: readonly ServiceEndpoint[]): void
  /** Cannot go on: the service is stopped and reported as failed. */
  fail(error: unknown): void
}

export interface RunningService<C extends Contract> {
  /** Where it is reached at first. */
  readonly endpoints: readonly ServiceEndpoint[]
  /** The settings that were open (port 0) and are decided now. */
  readonly pinned: Partial<SettingsOf<C>>
  readonly commands: { readonly [Name in keyof C['commands'] & string]: (ask: AskOf<C, Name>) => Promise<ReplyOf<C, Name>> }
  /** Closes sockets and files; everything acknowledged is safe on disk before. */
  stop(): Promise<void>
}

export interface Implementation<C extends Contract> {
  readonly contract: C
  readonly start: (context: ServiceContext<C>) => Promise<RunningService<C>>
}

/** Joins a contract and its implementation; the compiler checks that nothing is missing. */
export function implement<const C extends Contract>(contract: C, start: Implementation<C>['start']): Implementation<C> {
  return { contract, start }
}

/** What a host hears from a service that it runs. */
export interface ServiceListener {
  contractLine(text: string): void
  log(text: string): void
  event(name: string, data: unknown): void
  row(key: string, row: Readonly<Record<string, string>> | undefined): void
  health(reason: string | undefined): void
  endpoints(endpoints: readonly ServiceEndpoint[]): void
  failed(error: unknown): void
}

/** What a host gives to a service besides its settings. */
export interface ServiceEnvironment {
  readonly dataFolder: string
  readonly assetsFolder: string
  readonly secrets: Readonly<Record<string, string>>
}

/** A service that runs, whatever its contract. */
export interface StartedService {
  /** Where it is reached now. */
  readonly endpoints: readonly ServiceEndpoint[]
  readonly pinned: UncheckedSettings
  readonly trace: TraceRing
  /** @throws UsageError for a command or question that the contract does not have */
  command(name: string, ask: unknown): Promise<unknown>
  stop(): Promise<void>
}

/**
 * Starts a service in this process.
 * @throws UsageError where the settings do not fit the contract; HamletError folder-missing; whatever the service throws when it cannot start
 */
export async function startService<C extends Contract>(
  { contract, start }: Implementation<C>, settings: UncheckedSettings, surroundings: ServiceEnvironment, listener: ServiceListener,
): Promise<StartedService> {
  const parsed = parseSettings(contract, settings)
  await makeDataFolder(surroundings.dataFolder)
  const trace = new TraceRing()
  let endpoints: readonly ServiceEndpoint[] = []
  const running = await start({
    ...surroundings,
    settings: parsed,
    clock: systemClock,
    random: secureRandom(),
    trace,
    printContractLine: text => listener.contractLine(text),
    log: text => listener.log(text),
    emit: (name, data) => listener.event(name, data),
    setRow: (key, row) => listener.row(key, row),
    health: new Health(reason => listener.health(reason)),
    setEndpoints: changed => {
      endpoints = changed
      listener.endpoints(changed)
    },
    fail: error => listener.failed(error),
  })
  endpoints = running.endpoints
  // The contract's names are the keys of `commands`, which the compiler has checked in `implement`.
  const commands = running.commands as Readonly<Record<string, (ask: unknown) => Promise<unknown>>>
  return {
    get endpoints() {
      return endpoints
    },
    pinned: running.pinned,
    trace,
    async command(name, ask) {
      const schemas = contract.commands[name]
      const run = commands[name]
      if (schemas === undefined || run === undefined) throw new UsageError(`${contract.title} has no command "${name}"`, 'its contract does not name it', `use one of ${Object.keys(contract.commands).join(', ')}`)
      const parsed = schemas.ask.safeParse(ask)
      if (!parsed.success) throw new UsageError(`"${name}" could not be asked`, parsed.error.issues[0]?.message ?? 'the question does not fit', 'correct it and ask again')
      return run(parsed.data)
    },
    stop: () => running.stop(),
  }
}

/**
 * Settings as the contract's own type, with its defaults.
 * @throws UsageError naming the first setting that does not fit
 */
export function parseSettings<C extends Contract>(contract: C, settings: UncheckedSettings): SettingsOf<C> {
  const parsed = contract.settings.safeParse(settings)
  // zod's output for C's own schema; the generic `safeParse` of ZodObject does not carry C through.
  if (parsed.success) return parsed.data as SettingsOf<C>
  const issue = parsed.error.issues[0]
  const flag = String(issue?.path[0] ?? '')
  const missing = flag !== '' && settings[flag] === undefined
  throw new UsageError(
    missing ? `${contract.title} needs --${flag}` : `--${flag} cannot be ${JSON.stringify(settings[flag])}`,
    missing ? 'no value was given' : issue?.message ?? 'it does not fit',
    `give a value as "hamlet ${contract.command} --help" describes it`,
  )
}
