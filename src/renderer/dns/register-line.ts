/** Builds the admin line that registers a name. */
import { UsageError } from '../../services/kit/errors.ts'
import { isIpAddress } from '../../services/kit/ip-address.ts'

/**
 * `REGISTER name ip`, the original system's line.
 * @throws UsageError if a part is missing, or could be read as another part of the line
 */
export function registerLine(name: string, address: string): string {
  const nameText = name.trim()
  const addressText = address.trim()
  if (nameText === '') throw refused('the name is empty', 'type a name, such as printer.home')
  if (/\s/.test(nameText)) throw refused(`“${nameText}” contains a space`, 'type a name, such as printer.home')
  if (addressText === '') throw refused('the address is empty', 'type an address, such as 192.168.1.50')
  if (!isIpAddress(addressText)) throw refused(`“${addressText}” is not an IP address`, 'type an address, such as 192.168.1.50')
  return `REGISTER ${nameText} ${addressText}`
}

const refused = (why: string, remedy: string) => new UsageError('No name was registered', why, remedy)
