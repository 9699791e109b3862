import { useEffect, useState } from 'react'
import { NavLink, Outlet, useLocation, useMatch } from 'react-router'
import { api } from './api'
import { forgetOldDrafts } from './drafts'
import { useKeys } from './keys'
import { useLive } from './live'
import { Fence } from './parts/fence'
import { HelpDialog } from './parts/help-dialog'
import { Icon } from './parts/icon'
import { useOverview } from './queries'
import { useSession } from './session'
import { VIEWS } from './views'

/** The frame of all pages: brand, navigation with counts, who is here, the account. */
export function Shell() {
  const { agent } = useSession()
  const [help, setHelp] = useState(false)
  const reading = useMatch('/:view/:conversation') !== null
  // Another page deserves another try, but the list keeps its place while conversations change.
  const at = useLocation().pathname.split('/')[1]
  useEffect(() => forgetOldDrafts(Date.now()), [])
  useKeys({ '?': () => setHelp(true) })
  return (
    <div className={reading ? 'shell reading' : 'shell'}>
      <a className="skip" href="#main">
        Skip to content
      </a>
      <header className="brand">
        <Mark />
        <span className="brand-names">
          <span className="strong">Answerable</span>
          <span className="soft">{agent.tenant.name}</span>
        </span>
      </header>
      <Navigation />
      <Foot onHelp={() => setHelp(true)} />
      <main id="main" tabIndex={-1}>
        <ConnectionBar />
        <Fence key={at}>
          <Outlet />
        </Fence>
      </main>
      {help && <HelpDialog onClose={() => setHelp(false)} />}
    </div>
  )
}

export function Mark() {
  return (
    <svg className="mark" viewBox="0 0 32 32" aria-hidden="true">
      <rect width="32" height="32" rx="7" />
      <path d="M8 9h16v11h-8l-5 4v-4H8z" />
      <path d="M12.5 14.5l2.4 2.4 4.6-4.6" />
    </svg>
  )
}

function Navigation() {
  const { agent } = useSession()
  const overview = useOverview()
  const approvals = overview.data?.counts.approvals ?? 0
  return (
    <nav className="nav" aria-label="Conversations and settings">
      <ul>
        {VIEWS.map((entry) => {
          const count = overview.data ? entry.count(overview.data) : null
          return (
            <li key={entry.view}>
              <NavLink to={`/${entry.view}`} className="nav-link">
                <Icon name={entry.icon} />
                <span className="nav-title">{entry.title}</span>
                {count !== null && count > 0 && (
                  <span className="count">
                    {count > 999 ? '999+' : count}
                    <span className="sr"> conversations</span>
                  </span>
                )}
              </NavLink>
            </li>
          )
        })}
        <li className="apart">
          <NavLink to="/approvals" className="nav-link">
            <Icon name="stamp" />
            <span className="nav-title">Approvals</span>
            {approvals > 0 && (
              <span className="count">
                {approvals > 99 ? '99+' : approvals}
                <span className="sr"> changes</span>
              </span>
            )}
          </NavLink>
        </li>
        {agent.role !== 'agent' && (
          <>
            <li>
              <NavLink to="/people" className="nav-link">
                <Icon name="people" />
                <span className="nav-title">People</span>
              </NavLink>
            </li>
            <li>
              <NavLink to="/model" className="nav-link">
                <Icon name="model" />
                <span className="nav-title">Model</span>
              </NavLink>
            </li>
          </>
        )}
      </ul>
    </nav>
  )
}

function Foot({ onHelp }: { onHelp: () => void }) {
  const { agent, leave } = useSession()
  const { agents, connection } = useLive()
  const signOut = () => {
    // Leave in any case: whoever presses this wants nothing to be seen any more.
    api.signOut().then(leave, leave)
  }
  return (
    <aside className="foot" aria-label="Presence and account">
      <section className="presence" aria-label="Agents who are here">
        <h2 className="label">Here now</h2>
        <ul>
          {agents.map((one) => (
            <li key={one.id}>
              <span className="dot on" aria-hidden="true" />
              <span className="cut">{one.id === agent.id ? `${one.name} (you)` : one.name}</span>
            </li>
          ))}
          {agents.length === 0 && (
            <li className="soft">{connection === 'online' ? 'Nobody else' : 'Not known'}</li>
          )}
        </ul>
      </section>
      <div className="account">
        <span className="account-names">
          <span className="cut strong">{agent.name}</span>
          <span className="soft role">{agent.role}</span>
        </span>
        <button type="button" className="icon-button" aria-label="Keyboard shortcuts" title="Keyboard shortcuts (?)" onClick={onHelp}>
          <Icon name="help" />
        </button>
        <button type="button" className="icon-button" aria-label="Sign out" title="Sign out" onClick={signOut}>
          <Icon name="out" />
        </button>
      </div>
    </aside>
  )
}

function ConnectionBar() {
  const { connection, reconnect } = useLive()
  const down = connection === 'offline'
  return (
    <div className={down ? 'connection down' : 'connection'}>
      <span role="status">
        {down ? 'The live connection is lost. What you see may be out of date.' : ''}
      </span>
      {down && (
        <button type="button" className="link" onClick={reconnect}>
          Connect now
        </button>
      )}
    </div>
  )
}
