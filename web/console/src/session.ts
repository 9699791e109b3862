import type { Agent } from '@answerable/sdk'
import { createContext, useContext } from 'react'

export interface DeskSession {
  agent: Agent
  leave: () => void
}

export const SessionContext = createContext<DeskSession | null>(null)

/** The agent signed in; only below a signed-in page. */
export function useSession(): DeskSession {
  const session = useContext(SessionContext)
  if (!session) throw new Error('nobody is signed in here')
  return session
}
