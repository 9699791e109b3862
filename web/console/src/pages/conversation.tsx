import { isProblem, type Conversation } from '@answerable/sdk'
import { useEffect, useState } from 'react'
import { Tab, TabList, TabPanel, Tabs } from 'react-aria-components'
import { Link, useParams } from 'react-router'
import { useLive } from '../live'
import { ActionBar } from '../parts/action-bar'
import { contactName, ownerName, Priority, Proof, Waiting } from '../parts/badges'
import { BriefingPanel } from '../parts/briefing'
import { Composer, type Insertion } from '../parts/composer'
import { ChannelIcon, Icon } from '../parts/icon'
import { MaskedText } from '../parts/masked-text'
import { MessageList } from '../parts/message-list'
import { Empty, Failure, Loading } from '../parts/states'
import { Timeline } from '../parts/timeline'
import { useConversation } from '../queries'
import { useSession } from '../session'

const WIDE = '(min-width: 1180px)'

export function ConversationPage() {
  const { conversation: id = '', view = 'queue' } = useParams()
  const { data, error, refetch } = useConversation(id)
  useEffect(() => {
    if (data) document.title = `${data.subject ?? contactName(data.contact)} · Answerable`
  }, [data])
  return (
    <section className="detail" aria-label="Conversation">
      {data ? (
        <Opened key={id} conversation={data} view={view} />
      ) : (
        <>
          <BackLink view={view} />
          <h1 className="sr">Conversation</h1>
          {isProblem(error) && error.status === 404 ? (
            <Empty title="There is no such conversation">
              It may have been erased, or the address is not right. <Link to={`/${view}`}>Back to the list</Link>
            </Empty>
          ) : error ? (
            <Failure error={error} onRetry={() => void refetch()} />
          ) : (
            <Loading label="Reading the conversation" />
          )}
        </>
      )}
    </section>
  )
}

function BackLink({ view }: { view: string }) {
  return (
    <Link to={`/${view}`} className="icon-button back" aria-label="Back to the list">
      <Icon name="back" />
    </Link>
  )
}

function Opened({ conversation, view }: { conversation: Conversation; view: string }) {
  const wide = useMatches(WIDE)
  const [tab, setTab] = useState('messages')
  const [insertion, setInsertion] = useState<Insertion | null>(null)
  const insert = (text: string) => {
    setInsertion({ text })
    setTab('messages')
  }
  return (
    <>
      <Head conversation={conversation} view={view} />
      <ActionBar conversation={conversation} />
      {wide ? (
        <div className="detail-body">
          <Talk conversation={conversation} insertion={insertion} />
          <Tabs className="tabs aside" defaultSelectedKey="briefing">
            <TabList className="tab-list" aria-label="About this conversation">
              <Tab id="briefing">Briefing</Tab>
              <Tab id="timeline">Timeline</Tab>
            </TabList>
            <SidePanels conversation={conversation} onInsert={insert} />
          </Tabs>
        </div>
      ) : (
        <Tabs className="tabs" selectedKey={tab} onSelectionChange={(key) => setTab(String(key))}>
          <TabList className="tab-list" aria-label="Parts of this conversation">
            <Tab id="messages">Messages</Tab>
            <Tab id="briefing">Briefing</Tab>
            <Tab id="timeline">Timeline</Tab>
          </TabList>
          <TabPanel id="messages" className="panel talk-panel" shouldForceMount>
            <Talk conversation={conversation} insertion={insertion} />
          </TabPanel>
          <SidePanels conversation={conversation} onInsert={insert} />
        </Tabs>
      )}
    </>
  )
}

function SidePanels(props: { conversation: Conversation; onInsert: (text: string) => void }) {
  const { conversation, onInsert } = props
  return (
    <>
      <TabPanel id="briefing" className="panel">
        <BriefingPanel conversation={conversation} onInsert={onInsert} />
      </TabPanel>
      <TabPanel id="timeline" className="panel">
        <Timeline id={conversation.id} />
      </TabPanel>
    </>
  )
}

function Talk(props: { conversation: Conversation; insertion: Insertion | null }) {
  const { conversation, insertion } = props
  return (
    <div className="talk">
      <MessageList conversation={conversation} />
      <Composer conversation={conversation} insertion={insertion} />
    </div>
  )
}

function Head({ conversation, view }: { conversation: Conversation; view: string }) {
  const { agent } = useSession()
  const { agents } = useLive()
  const { contact, owner, subject } = conversation
  const present = owner.kind === 'agent' && agents.some((one) => one.id === owner.id)
  return (
    <header className="detail-head">
      <BackLink view={view} />
      <div className="detail-names">
        <h1 dir="auto">
          {subject ? <MaskedText text={subject} links={false} /> : contactName(contact)}
        </h1>
        <p className="detail-facts">
          <span className="fact">
            <ChannelIcon channel={conversation.channel} />
            <bdi>{contactName(contact)}</bdi>
          </span>
          <Proof proof={contact.proof} />
          <Priority priority={conversation.priority} />
          <span className="fact">
            {owner.kind === 'agent' && conversation.status === 'open' && (
              <span
                className={present ? 'dot on' : 'dot'}
                role="img"
                aria-label={present ? 'is here' : 'is away'}
              />
            )}
            {conversation.status === 'closed' ? 'Closed' : ownerName(owner, agent.id)}
          </span>
          <Waiting conversation={conversation} />
        </p>
      </div>
    </header>
  )
}

function useMatches(query: string): boolean {
  const [matches, setMatches] = useState(() => matchMedia(query).matches)
  useEffect(() => {
    const list = matchMedia(query)
    const onChange = () => setMatches(list.matches)
    list.addEventListener('change', onChange)
    return () => list.removeEventListener('change', onChange)
  }, [query])
  return matches
}
