import type { Agent } from '@answerable/sdk'
import { useQueryClient } from '@tanstack/react-query'
import { useCallback, useEffect, useState } from 'react'
import { Navigate, Route, Routes } from 'react-router'
import { api } from './api'
import { LiveDesk } from './live'
import { ApprovalPage } from './pages/approval'
import { ApprovalsPage, NoApprovalChosen } from './pages/approvals'
import { ConversationPage } from './pages/conversation'
import { InboxPage, NothingChosen } from './pages/inbox'
import { ModelPage } from './pages/model'
import { PeoplePage } from './pages/people'
import { SignInPage } from './pages/sign-in'
import { Failure, Loading } from './parts/states'
import { SessionContext } from './session'
import { Shell } from './shell'

type Who = { state: 'asking' } | { state: 'failed'; error: unknown } | { state: 'known'; agent: Agent | null }

const ASK_AGAIN_MS = 4_000

export function App() {
  const [who, setWho] = useState<Who>({ state: 'asking' })
  const client = useQueryClient()

  const ask = useCallback(() => {
    setWho({ state: 'asking' })
    api.currentAgent().then(
      (agent) => setWho({ state: 'known', agent }),
      (error: unknown) => setWho({ state: 'failed', error }),
    )
  }, [])
  const leave = useCallback(() => {
    // Nothing of one agent's view may be left for the next.
    client.clear()
    setWho({ state: 'known', agent: null })
  }, [client])

  useEffect(ask, [ask])
  const failed = who.state === 'failed'
  useEffect(() => {
    if (!failed) return
    const again = setInterval(() => {
      api.currentAgent().then(
        (agent) => setWho({ state: 'known', agent }),
        () => undefined, // still away
      )
    }, ASK_AGAIN_MS)
    return () => clearInterval(again)
  }, [failed])
  useEffect(() => {
    api.onSignedOut = leave
    return () => {
      api.onSignedOut = null
    }
  }, [leave])

  if (who.state === 'asking') return <Loading label="Opening the desk" full />
  if (who.state === 'failed') return <Failure error={who.error} onRetry={ask} full />
  if (who.agent === null) {
    return <SignInPage onSignedIn={(agent) => setWho({ state: 'known', agent })} />
  }
  return (
    <SessionContext value={{ agent: who.agent, leave }}>
      <LiveDesk>
        <Routes>
          <Route element={<Shell />}>
            <Route index element={<Navigate to="/queue" replace />} />
            <Route path="model" element={<ModelPage />} />
            <Route path="people" element={<PeoplePage />} />
            <Route path="approvals" element={<ApprovalsPage />}>
              <Route index element={<NoApprovalChosen />} />
              <Route path=":change" element={<ApprovalPage />} />
            </Route>
            <Route path=":view" element={<InboxPage />}>
              <Route index element={<NothingChosen />} />
              <Route path=":conversation" element={<ConversationPage />} />
            </Route>
            <Route path="*" element={<Navigate to="/queue" replace />} />
          </Route>
        </Routes>
      </LiveDesk>
    </SessionContext>
  )
}
