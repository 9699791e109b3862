import { useEffect, useRef, useState } from 'react'
import { useKeys } from '../keys'
import { useSearch } from '../queries'
import type { ViewEntry } from '../views'
import { Icon } from './icon'
import { Item } from './item'
import { Empty, Failure, Loading, More, Problems } from './states'

const LONGEST = 200
const PAUSE_MS = 300

/** Tells what is looked for when the typing pauses; '' when the search is left. */
export function SearchField({ onSearch }: { onSearch: (query: string) => void }) {
  const [text, setText] = useState('')
  const field = useRef<HTMLInputElement>(null)
  useKeys({ '/': () => field.current?.focus() })
  useEffect(() => {
    const timer = setTimeout(() => onSearch(text.trim()), text.trim() ? PAUSE_MS : 0)
    return () => clearTimeout(timer)
  }, [text, onSearch])
  return (
    <form
      role="search"
      className="search"
      onSubmit={(event) => {
        event.preventDefault()
        onSearch(text.trim())
      }}
    >
      <Icon name="search" />
      <input
        ref={field}
        type="search"
        aria-label="Search all conversations"
        placeholder="Search all conversations"
        autoComplete="off"
        spellCheck={false}
        maxLength={LONGEST}
        value={text}
        onChange={(event) => setText(event.target.value)}
        onKeyDown={(event) => {
          if (event.key === 'Escape') setText('')
        }}
      />
    </form>
  )
}

export function SearchResults({ query, view }: { query: string; view: ViewEntry }) {
  const { data, error, isPending, hasNextPage, isFetchingNextPage, fetchNextPage, refetch } =
    useSearch(query)
  const hits = data?.pages.flatMap((page) => page.items) ?? []
  const leftOut = data?.pages[0]?.left_out ?? []
  if (isPending) return <Loading label="Searching" />
  if (error && hits.length === 0) return <Failure error={error} onRetry={() => void refetch()} />
  return (
    <div className="list-scroll">
      {error && <Problems error={error} />}
      <p className="search-note" role="status">
        {told(hits.length, hasNextPage)}
        {leftOut.length > 0 && ` Not looked for: ${leftOut.join(', ')}.`}
      </p>
      {hits.length === 0 && !hasNextPage && (
        <Empty title="Nothing found">
          All words must be in the conversation. What is masked is not found by its value; a customer is
          found by the e-mail address or customer number.
        </Empty>
      )}
      <ul className="items">
        {hits.map((hit) => (
          <Item
            key={hit.conversation.id}
            conversation={hit.conversation}
            excerpt={hit.excerpt}
            view={view}
          />
        ))}
      </ul>
      {hasNextPage && (
        <More
          label="Search further back"
          busyLabel="Searching"
          isBusy={isFetchingNextPage}
          onMore={() => void fetchNextPage()}
        />
      )}
    </div>
  )
}

function told(number: number, more: boolean): string {
  if (number === 0) return more ? 'Nothing in the newest conversations.' : ''
  return `${number} ${number === 1 ? 'conversation' : 'conversations'}${more ? ' so far' : ''}, the newest first.`
}
