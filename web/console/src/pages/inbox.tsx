import { useEffect, useState } from 'react'
import { Navigate, Outlet, useMatch, useParams } from 'react-router'
import { useKeys } from '../keys'
import { Fence } from '../parts/fence'
import { Item, step } from '../parts/item'
import { SearchField, SearchResults } from '../parts/search'
import { Empty, Failure, Loading, More, Problems } from '../parts/states'
import { WavesNote } from '../parts/waves-note'
import { useConversations, useTeams } from '../queries'
import { useUnmoved } from '../steady'
import { viewOf, type ViewEntry } from '../views'

export function InboxPage() {
  const { view: name, conversation } = useParams()
  const view = viewOf(name)
  const reading = useMatch('/:view/:conversation') !== null
  useEffect(() => {
    if (view && !reading) document.title = `${view.title} · Answerable`
  }, [view, reading])
  if (!view) return <Navigate to="/queue" replace />
  return (
    <div className="inbox">
      <ConversationList key={view.view} view={view} />
      <Fence key={conversation ?? ''}>
        <Outlet />
      </Fence>
    </div>
  )
}

export function NothingChosen() {
  return (
    <section className="detail none" aria-label="Conversation">
      <Empty title="No conversation chosen">
        Choose one from the list. The keys <kbd>j</kbd> and <kbd>k</kbd> move through it, <kbd>?</kbd> shows
        all shortcuts.
      </Empty>
    </section>
  )
}

function ConversationList({ view }: { view: ViewEntry }) {
  const [query, setQuery] = useState('')
  const [team, setTeam] = useState<string | null>(null)
  useKeys({ j: () => step(1), k: () => step(-1) })
  return (
    <section className="list" aria-labelledby="list-title">
      <div className="list-head">
        <h1 id="list-title">{query ? 'Found' : view.title}</h1>
        {!query && view.view !== 'mine' && view.view !== 'assistant' && (
          <TeamFilter team={team} onChange={setTeam} />
        )}
      </div>
      <SearchField onSearch={setQuery} />
      {query ? <SearchResults key={query} query={query} view={view} /> : <Conversations key={team} view={view} team={team} />}
    </section>
  )
}

function Conversations({ view, team }: { view: ViewEntry; team: string | null }) {
  const { data, error, isPending, hasNextPage, isFetchingNextPage, fetchNextPage, refetch } =
    useConversations(view.view, team)
  const { items, hold, release } = useUnmoved(data?.pages.flatMap((page) => page.items) ?? [])
  return (
    <>
      <WavesNote view={view.view} />
      {isPending && <Loading label="Reading conversations" />}
      {error && items.length === 0 && <Failure error={error} onRetry={() => void refetch()} />}
      {!isPending && !error && items.length === 0 && (
        <Empty title={view.empty.title}>{view.empty.text}</Empty>
      )}
      {items.length > 0 && (
        <div className="list-scroll">
          {error && <Problems error={error} />}
          <ul className="items" onPointerMove={hold} onPointerLeave={release}>
            {items.map((one) => (
              <Item key={one.id} conversation={one} view={view} />
            ))}
          </ul>
          {hasNextPage && (
            <More
              label="Load more"
              busyLabel="Loading"
              isBusy={isFetchingNextPage}
              onMore={() => void fetchNextPage()}
            />
          )}
        </div>
      )}
    </>
  )
}

function TeamFilter(props: { team: string | null; onChange: (team: string | null) => void }) {
  const teams = useTeams()
  if (!teams.data || teams.data.length < 2) return null
  return (
    <select
      className="select"
      aria-label="Team"
      value={props.team ?? ''}
      onChange={(event) => props.onChange(event.target.value || null)}
    >
      <option value="">All teams</option>
      {teams.data.map((team) => (
        <option key={team.name} value={team.name}>
          {team.title ?? team.name}
        </option>
      ))}
    </select>
  )
}
