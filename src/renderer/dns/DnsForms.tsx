/** The forms of the DNS server's panel: look up a name, register a name. */
import { LookUpForm } from './LookUpForm.tsx'
import { RegisterForm } from './RegisterForm.tsx'

export function DnsForms() {
  return <>
    <LookUpForm />
    <RegisterForm />
  </>
}
