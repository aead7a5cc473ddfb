/** The admin line that registers a name. */
import { UsageError } from '../../services/kit/errors.ts'
import { isIpAddress } from '../../services/kit/ip-address.ts'

/**
 * `REGISTER name ip`, the original system's line.
 * @throws UsageError where a part is missing, or could be read as another part of the line
 */
export function registerLine(name: string, address: string): string {
  const [nameText, addressText] = [name.trim(), address.trim()]
  if (nameText === '' || /\s/.test(nameText)) throw new UsageError('No name was registered', nameText === '' ? 'the name is empty' : `"${nameText}" contains a blank`, 'write a name such as printer.home')
  if (!isIpAddress(addressText)) throw new UsageError('No name was registered', addressText === '' ? 'the address is empty' : `"${addressText}" is no IP address`, 'write an address such as 192.168.1.50')
  return `REGISTER ${nameText} ${addressText}`
}
