/** The settings that the user saved for a role, checked against the role's contract. */
import { basename } from 'node:path'
import { contractOf, type ServiceId } from '../contracts.ts'
import type { UncheckedSettings } from '../kit/contract.ts'
import { HamletError } from '../kit/errors.ts'
import type { LoadedSettings } from '../kit/node/settings-file.ts'

/**
 * The settings of one role in the file.
 * @param given names of settings that flags override; they are omitted, and not checked
 * @throws HamletError file-damaged, which names the file, the role and the setting
 */
export function savedSettings({ path, settings: { roles } }: LoadedSettings, id: ServiceId, given: ReadonlySet<string> = new Set()): UncheckedSettings {
  const saved = Object.fromEntries(Object.entries(roles[id].settings).filter(([name]) => !given.has(name)))
  const issue = contractOf(id).settings.partial().safeParse(saved).error?.issues[0]
  if (issue === undefined) return saved
  const name = String(issue.path[0] ?? '')
  throw new HamletError({
    code: 'file-damaged', what: `${basename(path)} cannot be used for ${id}`, why: `its ${name} cannot be ${JSON.stringify(saved[name])}: ${issue.message}`, done: 'it was left as it is',
    remedy: `correct roles.${id}.settings.${name} in that file`, proof: path,
  })
}
