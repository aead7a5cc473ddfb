/** Two lowercase hexadecimal digits per octet. */
export function formatHex(octets: Uint8Array): string {
  return Array.from(octets, octet => octet.toString(16).padStart(2, '0')).join('')
}
