/** The implementation of a service: what its contract promises, on real sockets and a real disk. Runs in any Node process. */
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
  /** Exists and is writable. */
  readonly dataFolder: string
  /** The files that Hamlet ships: the demo site, icons. Read-only. */
  readonly assetsFolder: string
  readonly secrets: Readonly<Record<string, string>>
  readonly clock: Clock
  readonly random: Random
  readonly trace: TraceRing
  /** Prints a line of the original system, verbatim, to stdout. */
  printContractLine(text: string): void
  /** Logs one line to stderr and to the console in the window. */
  log(text: string): void
  emit<Name extends keyof EventsOf<C> & string>(name: Name, data: EventsOf<C>[Name]): void
  /** Sets a row of the panel's table, or removes it. */
  setRow(key: string, row: RowOf<C> | undefined): void
  /** What is wrong with the running service, part by part. */
  readonly health: Health
  /** Reports new endpoints: the addresses of this machine have changed. */
  setEndpoints(endpoints: readonly ServiceEndpoint[]): void
  /** The service cannot continue: it is stopped and reported as failed. */
  fail(error: unknown): void
}

export interface RunningService<C extends Contract> {
  /** The initial endpoints. */
  readonly endpoints: readonly ServiceEndpoint[]
  /** The settings that were open (port 0), with the values chosen. */
  readonly pinned: Partial<SettingsOf<C>>
  readonly commands: { readonly [Name in keyof C['commands'] & string]: (ask: AskOf<C, Name>) => Promise<ReplyOf<C, Name>> }
  /** Closes sockets and files. Everything acknowledged is durable by then. */
  stop(): Promise<void>
}

export interface Implementation<C extends Contract> {
  readonly contract: C
  readonly start: (context: ServiceContext<C>) => Promise<RunningService<C>>
}

/** Joins a contract and its implementation; the compiler checks that it is complete. */
export function implement<const C extends Contract>(contract: C, start: Implementation<C>['start']): Implementation<C> {
  return { contract, start }
}

/** What a service reports to its host. */
export interface ServiceListener {
  contractLine(text: string): void
  log(text: string): void
  event(name: string, data: unknown): void
  row(key: string, row: Readonly<Record<string, string>> | undefined): void
  health(reason: string | undefined): void
  endpoints(endpoints: readonly ServiceEndpoint[]): void
  failed(error: unknown): void
}

/** What a host gives to a service in addition to its settings. */
export interface ServiceEnvironment {
  readonly dataFolder: string
  readonly assetsFolder: string
  readonly secrets: Readonly<Record<string, string>>
}

/** A running service, whatever its contract. */
export interface StartedService {
  /** The current endpoints. */
  readonly endpoints: readonly ServiceEndpoint[]
  readonly pinned: UncheckedSettings
  readonly trace: TraceRing
  /** @throws UsageError for a command that the contract does not have, or for arguments that do not match it */
  command(name: string, ask: unknown): Promise<unknown>
  stop(): Promise<void>
}

/**
 * Starts a service in this process.
 * @throws UsageError if the settings do not match the contract; HamletError folder-missing; whatever the service throws if it cannot start
 */
export async function startService<C extends Contract>(
  { contract, start }: Implementation<C>, settings: UncheckedSettings, environment: ServiceEnvironment, listener: ServiceListener,
): Promise<StartedService> {
  const parsed = parseSettings(contract, settings)
  await makeDataFolder(environment.dataFolder)
  const trace = new TraceRing()
  let endpoints: readonly ServiceEndpoint[] = []
  const running = await start({
    ...environment,
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
  // The keys of `commands` are the contract's command names, as the compiler has checked in `implement`.
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
      if (schemas === undefined || run === undefined) throw new UsageError(`${contract.title} has no command "${name}"`, 'its contract does not declare it', `use one of ${Object.keys(contract.commands).join(', ')}`)
      const parsed = schemas.ask.safeParse(ask)
      if (!parsed.success) throw new UsageError(`The command "${name}" was refused`, parsed.error.issues[0]?.message ?? 'its arguments are not valid', 'correct the arguments and try again')
      return run(parsed.data)
    },
    stop: () => running.stop(),
  }
}

/**
 * Validates settings and adds the contract's defaults.
 * @throws UsageError naming the first setting that is not valid
 */
export function parseSettings<C extends Contract>(contract: C, settings: UncheckedSettings): SettingsOf<C> {
  const parsed = contract.settings.safeParse(settings)
  // This is zod's output for C's own schema, but the type of `safeParse` does not carry C through.
  if (parsed.success) return parsed.data as SettingsOf<C>
  const issue = parsed.error.issues[0]
  const flag = String(issue?.path[0] ?? '')
  const missing = flag !== '' && settings[flag] === undefined
  throw new UsageError(
    missing ? `${contract.title} needs --${flag}` : `--${flag} cannot be ${JSON.stringify(settings[flag])}`,
    missing ? 'no value was given' : issue?.message ?? 'it is not valid',
    `see "hamlet ${contract.command} --help" for valid values`,
  )
}
