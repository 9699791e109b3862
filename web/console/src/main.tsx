import { QueryClient, QueryClientProvider } from '@tanstack/react-query'
import { isProblem } from '@answerable/sdk'
import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { BrowserRouter } from 'react-router'
import { App } from './app'
import './styles/base.css'
import './styles/shell.css'
import './styles/inbox.css'
import './styles/conversation.css'
import './styles/people.css'
import './styles/approvals.css'

const client = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 10_000,
      // What was refused is refused the second time too; only an outage may pass.
      retry: (count, error) => count < 2 && isProblem(error) && (error.status === 0 || error.status >= 502),
      retryDelay: (attempt) => Math.min(500 * 2 ** attempt, 4000),
    },
  },
})

const root = document.getElementById('root')
if (root) {
  createRoot(root).render(
    <StrictMode>
      <QueryClientProvider client={client}>
        <BrowserRouter basename="/console">
          <App />
        </BrowserRouter>
      </QueryClientProvider>
    </StrictMode>,
  )
}
