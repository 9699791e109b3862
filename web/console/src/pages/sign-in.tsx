import { isProblem, type Agent } from '@answerable/sdk'
import { useEffect, useRef, useState, type FormEvent } from 'react'
import { api } from '../api'
import { Problems } from '../parts/states'
import { Mark } from '../shell'

export function SignInPage({ onSignedIn }: { onSignedIn: (agent: Agent) => void }) {
  const [error, setError] = useState<unknown>(null)
  const [busy, setBusy] = useState(false)
  const email = useRef<HTMLInputElement>(null)
  const password = useRef<HTMLInputElement>(null)
  useEffect(() => {
    document.title = 'Sign in · Answerable'
    email.current?.focus()
  }, [])

  const submit = async (event: FormEvent) => {
    event.preventDefault()
    setBusy(true)
    setError(null)
    try {
      onSignedIn(await api.signIn(email.current?.value.trim() ?? '', password.current?.value ?? ''))
    } catch (reason) {
      setError(reason)
      setBusy(false)
      if (isProblem(reason) && reason.status === 401) password.current?.select()
    }
  }

  return (
    <main className="sign-in">
      <form className="card" onSubmit={(event) => void submit(event)}>
        <div className="sign-in-head">
          <Mark />
          <h1>Sign in to Answerable</h1>
        </div>
        <label className="field">
          <span>E-mail address</span>
          <input ref={email} type="email" name="email" autoComplete="username" required />
        </label>
        <label className="field">
          <span>Password</span>
          <input ref={password} type="password" name="password" autoComplete="current-password" required />
        </label>
        <Problems error={error} />
        <button type="submit" className="button primary" disabled={busy}>
          {busy ? 'Signing in …' : 'Sign in'}
        </button>
      </form>
    </main>
  )
}
