/** The admin line that registers a name. */
import { UsageError } from '../../services/kit/errors.ts'
import { isIpAddress } from '../../services/kit/ip-address.ts'

/**
 * `REGISTER name ip`, the original system's line.
 * @throws UsageError where a part is missing, or could be read as another part of the line
 */
export function registerLine(name: string, address: string): string {
  const nameText = name.trim()
  const addressText = address.trim()
  if (nameText === '') throw refused('the name is empty', 'write a name such as printer.home')
  if (/\s/.test(nameText)) throw refused(`"${nameText}" contains a blank`, 'write a name such as printer.home')
  if (!isIpAddress(addressText)) throw refused(`${addressText === '' ? 'nothing' : `"${addressText}"`} is no IP address`, 'write an address such as 192.168.1.50')
  return `REGISTER ${nameText} ${addressText}`
}

const refused = (why: string, remedy: string) => new UsageError('No name was registered', why, remedy)
