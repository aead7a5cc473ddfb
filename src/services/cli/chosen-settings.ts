/** What a person chose for a role and saved, as far as the role's contract takes it. */
import { basename } from 'node:path'
import { contractOf, type ServiceId } from '../contracts.ts'
import type { UncheckedSettings } from '../kit/contract.ts'
import { HamletError } from '../kit/errors.ts'
import type { LoadedSettings } from '../kit/node/settings-file.ts'

/**
 * What the file says of one role, held against the role's contract.
 * @param given settings that come from elsewhere, and are left out
 * @throws HamletError file-damaged, naming the file, the role and the setting
 */
export function chosenSettings({ path, settings: { roles } }: LoadedSettings, id: ServiceId, given: ReadonlySet<string> = new Set()): UncheckedSettings {
  const chosen = Object.fromEntries(Object.entries(roles[id].settings).filter(([name]) => !given.has(name)))
  const issue = contractOf(id).settings.partial().safeParse(chosen).error?.issues[0]
  if (issue === undefined) return chosen
  const name = String(issue.path[0] ?? '')
  throw new HamletError({
    code: 'file-damaged', what: `${basename(path)} cannot be used for ${id}`, why: `its ${name} cannot be ${JSON.stringify(chosen[name])}: ${issue.message}`, done: 'it was left as it is',
    remedy: `correct roles.${id}.settings.${name} in it`, proof: path,
  })
}
