/** What the DNS server's panel has of its own: look a name up, register one. */
import { LookUpForm } from './LookUpForm.tsx'
import { RegisterForm } from './RegisterForm.tsx'

export function DnsForms() {
  return <>
    <LookUpForm />
    <RegisterForm />
  </>
}
