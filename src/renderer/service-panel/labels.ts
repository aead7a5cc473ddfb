/** A flag's name as a label: `tcp_port` → "TCP port". */
export function labelOf(name: string): string {
  const words = name.split('_').map(word => (acronyms.has(word) ? word.toUpperCase() : word))
  const text = words.join(' ')
  return text.charAt(0).toUpperCase() + text.slice(1)
}

const acronyms = new Set(['ca', 'dhcp', 'dns', 'http', 'io', 'ip', 'rtt', 'rudp', 'tcp', 'ttl', 'udp', 'url'])
