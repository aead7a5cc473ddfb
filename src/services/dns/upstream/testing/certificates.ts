/** A certificate authority for tests and a certificate that it signed, made with the system's openssl. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface Certificates {
  readonly folder: string
  readonly authorityFile: string
  readonly certificateFile: string
  readonly keyFile: string
  readonly authority: string
  readonly certificate: string
  readonly key: string
}

/** @param subjectAltName for example `DNS:dns.example.org,IP:127.0.0.1` */
export function makeCertificates(subjectAltName: string): Certificates {
  const folder = mkdtempSync(join(tmpdir(), 'hamlet-tls-'))
  const file = (name: string) => join(folder, name)
  const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' })
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
  openssl('req', '-x509', ...newKey, '-keyout', 'authority.key', '-out', 'authority.pem', '-subj', '/CN=Authority of a test', '-days', '2')
  openssl('req', ...newKey, '-keyout', 'server.key', '-out', 'server.csr', '-subj', '/CN=Server of a test')
  writeFileSync(file('extensions'), `subjectAltName=${subjectAltName}\n`)
  openssl('x509', '-req', '-in', 'server.csr', '-CA', 'authority.pem', '-CAkey', 'authority.key', '-CAcreateserial', '-out', 'server.pem', '-days', '2', '-extfile', 'extensions')
  const read = (name: string) => readFileSync(file(name), 'utf8')
  return {
    folder, authorityFile: file('authority.pem'), certificateFile: file('server.pem'), keyFile: file('server.key'),
    authority: read('authority.pem'), certificate: read('server.pem'), key: read('server.key'),
  }
}
