import type { SearchPage } from './desk-search'
import { Http, type HttpOptions, type RequestOptions } from './http'
import { isProblem } from './problem'

export type View = 'queue' | 'mine' | 'assistant' | 'all' | 'closed'
export type Role = 'agent' | 'supervisor' | 'administrator'

export interface Agent {
  id: string
  name: string
  email: string
  role: Role
  teams: string[]
  tenant: { id: string; name: string }
}

export interface Session {
  agent: Agent
  csrf: string
}

export interface Overview {
  /** approvals: 100 stands for that many and more. */
  counts: { queue: number; mine: number; open: number; assistant: number; approvals: number }
  agents_present: number
}

export interface Page<T> {
  items: T[]
  next: string | number | null
}

export interface ConversationSummary {
  id: string
  subject: string | null
  channel: string
  inbox: string
  contact: { id: string; name: string | null; proof: string; addresses_masked: string[] }
  status: 'open' | 'closed'
  priority: string
  owner: { kind: 'assistant' | 'queue' | 'agent'; id: string | null; name: string | null }
  intent: { name: string; title: string | null; confidence: number } | null
  decision: { kind: string; team?: string | null } | null
  language: string | null
  sentiment: number | null
  /** Of the sentiment over the contact's messages. */
  trend: 'falling' | 'steady' | 'rising' | null
  /** How the latest message begins, masked. */
  snippet: string | null
  last_author: 'contact' | 'assistant' | 'agent' | null
  updated_at: string
  opened_at: string
  waiting_since: string | null
  first_response_due: string | null
  seq: number
}

export interface IntentScore {
  name: string
  title?: string | null
  confidence: number
  applies?: boolean
}

export interface Briefing {
  summary: string
  reason: string
  intents: IntentScore[]
  facts: { label: string; value: unknown }[]
  suggested: string[]
}

export interface Reason {
  rule: string
  threshold: unknown
  value: unknown
  text: string
}

/** A labelled example that the latest message is like. intent: null: an example of none. */
export interface NearExample {
  text: string
  intent: string | null
  title: string | null
  /** Cosine of the meanings, -1 to 1. */
  likeness: number
}

/** The latest message that was understood. */
export interface Understood {
  /** Its seq. */
  message: number
  near: NearExample[]
  /** 0 to 1. */
  churn: number | null
  abuse: number | null
  /** What an agent said that it asks for. intents: empty: none that is known. */
  label: { intents: string[]; by: string } | null
}

/** Another conversation of the same contact. matter: probably the same matter. */
export interface Related {
  id: string
  channel: string
  status: 'open' | 'closed'
  intent: { name: string; title: string | null; confidence: number } | null
  updated_at: string
  matter: boolean
  /** From another address: the back office knows both as one person. */
  elsewhere: boolean
}

export interface Conversation extends ConversationSummary {
  briefing: Briefing | null
  reasons: Reason[]
  understood: Understood | null
  related: Related[]
  /** The seq that this view shows; sent along with a reply so that nobody answers blind. */
  version: number
}

export interface Message {
  seq: number
  kind: 'message' | 'notice'
  author: 'contact' | 'assistant' | 'agent' | 'system'
  name: string | null
  /** Masked: personal values stand as handles such as `<iban:1>`. */
  text: string
  at: string
  channel: string | null
  /** null while under way. */
  delivered: boolean | null
  attachments: { name?: string; media_type?: string; size_bytes?: number }[]
}

export interface LedgerEvent {
  seq: number
  kind: string
  at: string
  /** contact, assistant, system, or agent:<id>. */
  actor: string
  title: string
  data: unknown
  hash: string
}

/** Many contacts who wrote much the same within the last hour. */
export interface Wave {
  contacts: number
  /** Contacts an hour, on average of the day before. */
  usual: number
  since: string
  title: string | null
  /** The most typical, then the latest first; 20 at most. */
  conversations: string[]
}

export interface IntentTitle {
  name: string
  title: string | null
}

/** What training showed of an intent, each message judged as if it had not been learnt. */
/** Of an intent or a language. */
export interface PartStanding {
  name: string
  title: string | null
  labelled: number
  automatic: boolean
  /** Of its messages, how many are answered automatically and rightly; null: none. */
  coverage: number | null
  /** Of its automatic answers, how many are right; low and high: its ends, each 95 % sure. */
  precision: number | null
  low: number
  high: number
  /** About how many more labels it needs; null: its errors must fall first. */
  wanted: number | null
}

export interface ModelStanding {
  model: string
  messages: number
  asked: number
  coverage: number
  precision: number | null
  low: number
  high: number
  /** The definition's intents and examples, by hash, as the model learnt them; null: from none. */
  trained_with: string | null
  /** The same as they are now. */
  in_force: string
  intents: PartStanding[]
  /** Those that are told apart, as tags. */
  languages: PartStanding[]
}

/** A change that a contact has proven, and that waits for an agent. */
export interface Approval {
  /** Of the change. */
  id: string
  conversation: string
  channel: string
  contact: ConversationSummary['contact']
  kind: string
  team: string | null
  requested_at: string
  expires_at: string
  /** How many agents must consent, and how many have. */
  approvers: number
  consents: number
  /** null while undecided. */
  outcome: 'approved' | 'refused' | 'expired' | 'withdrawn' | null
}

/** A file that the contact handed in with a change. */
export interface ApprovalDocument {
  field: string
  name: string
  media_type: string
  size_bytes: number
}

export interface ApprovalDetail extends Approval {
  /** Of what is shown; a decision names it, so that nobody decides on anything else. */
  commitment: string
  /** Whether the agent who asks has consented already. */
  consented: boolean
  /** null: the back office had nothing, or it was erased. */
  changes: { field: string; before: string | null; after: string | null }[]
  documents: ApprovalDocument[]
  proof: { method: string; to_last2: string | null; at: string | null }
  history: { at: string; kind: string; title: string }[]
  decided_by: string | null
}

export interface Team {
  name: string
  title: string | null
}

export interface Person {
  id: string
  name: string
  email: string
  role: Role
  teams: string[]
  suspended: boolean
  /** Whether it is noted by what else they are a customer themselves. */
  known_as_customer?: boolean
}

export interface NewPerson {
  name: string
  email: string
  role: Role
  teams: string[]
  password: string
}

/** The agents' side of the HTTP API. Authority is the session's cookie; the CSRF token stays in memory. */
export class DeskApi {
  readonly #http: Http
  #csrf = ''
  /** Called when the session has ended on the server's side. */
  onSignedOut: (() => void) | null = null

  constructor(options: HttpOptions) {
    this.#http = new Http(options)
  }

  async signIn(email: string, password: string): Promise<Agent> {
    const session = await this.#http.request<Session>('POST', '/v1/desk/sessions', {
      email,
      password,
    })
    this.#csrf = session.csrf
    return session.agent
  }

  /** The agent signed in at present; null if nobody is. */
  async currentAgent(): Promise<Agent | null> {
    try {
      const session = await this.#http.request<Session>(
        'GET',
        '/v1/desk/sessions/current',
        undefined,
      )
      this.#csrf = session.csrf
      return session.agent
    } catch (error) {
      if (isProblem(error) && error.status === 401) return null
      throw error
    }
  }

  async signOut(): Promise<void> {
    await this.#send('DELETE', '/sessions/current')
    this.#csrf = ''
  }

  overview(signal?: AbortSignal): Promise<Overview> {
    return this.#get('/overview', {}, signal)
  }

  conversations(
    query: { view: View; team?: string | null; after?: string | number | null; limit?: number },
    signal?: AbortSignal,
  ): Promise<Page<ConversationSummary>> {
    return this.#get('/conversations', query, signal)
  }

  /** By words, an address or a customer's id. `next` may be set although a page has few or none. */
  search(
    query: string,
    after: string | number | null,
    signal?: AbortSignal,
  ): Promise<SearchPage> {
    return this.#send('POST', '/search', { query, after }, signal ? { signal } : {})
  }

  conversation(id: string, signal?: AbortSignal): Promise<Conversation> {
    return this.#get(`/conversations/${encodeURIComponent(id)}`, {}, signal)
  }

  messages(id: string, after: string | number, signal?: AbortSignal): Promise<Page<Message>> {
    return this.#get(`/conversations/${encodeURIComponent(id)}/messages`, { after, limit: 200 }, signal)
  }

  events(id: string, after: string | number, signal?: AbortSignal): Promise<Page<LedgerEvent>> {
    return this.#get(`/conversations/${encodeURIComponent(id)}/events`, { after, limit: 200 }, signal)
  }

  /** force: also from a colleague, which supervisors and administrators may do. */
  takeOver(id: string, force = false): Promise<{ seq: number }> {
    return this.#act(id, 'take-over', force ? { force } : {})
  }

  release(id: string): Promise<{ seq: number }> {
    return this.#act(id, 'release', {})
  }

  /** `key` names this one reply: sending it again after a lost answer sends nothing twice. */
  reply(id: string, text: string, version: number, key: string): Promise<{ seq: number }> {
    return this.#act(id, 'replies', { text, version }, { idempotencyKey: key })
  }

  handOff(id: string, team: string, note: string): Promise<{ seq: number }> {
    return this.#act(id, 'hand-off', { team, note })
  }

  close(id: string, resolution: string): Promise<{ seq: number }> {
    return this.#act(id, 'close', { resolution })
  }

  reopen(id: string): Promise<{ seq: number }> {
    return this.#act(id, 'reopen', {})
  }

  /** Says what a message asks for. intents: empty: none that is known. */
  label(id: string, message: number, intents: string[]): Promise<{ seq: number }> {
    return this.#act(id, 'labels', { message, intents })
  }

  async intents(signal?: AbortSignal): Promise<IntentTitle[]> {
    return (await this.#get<Page<IntentTitle>>('/intents', {}, signal)).items
  }

  /** null before a process has loaded the model. */
  async model(signal?: AbortSignal): Promise<ModelStanding | null> {
    return (await this.#get<{ standing: ModelStanding | null }>('/model', {}, signal)).standing
  }

  approvals(after: string | null, signal?: AbortSignal): Promise<Page<Approval>> {
    return this.#get('/approvals', { after, limit: 50 }, signal)
  }

  /** Personal data in plain text: each call is noted in the ledger with the agent's name. */
  approval(change: string, signal?: AbortSignal): Promise<ApprovalDetail> {
    return this.#get(`/approvals/${encodeURIComponent(change)}`, {}, signal)
  }

  /** Where a document of a change is: personal data, and each look is noted as in `approval`. */
  documentAddress(change: string, field: string): string {
    const path = `/approvals/${encodeURIComponent(change)}/documents/${encodeURIComponent(field)}`
    return this.#http.address(`/v1/desk${path}`)
  }

  approve(change: string, commitment: string, key: string): Promise<{ seq: number }> {
    return this.#decide(change, 'approve', { commitment }, key)
  }

  /** reason: for the colleagues; the contact does not see it. */
  refuseApproval(
    change: string,
    commitment: string,
    reason: string,
    key: string,
  ): Promise<{ seq: number }> {
    return this.#decide(change, 'refuse', { commitment, reason }, key)
  }

  async waves(signal?: AbortSignal): Promise<Wave[]> {
    return (await this.#get<{ items: Wave[] }>('/waves', {}, signal)).items
  }

  async teams(signal?: AbortSignal): Promise<Team[]> {
    return (await this.#get<Page<Team>>('/teams', {}, signal)).items
  }

  /** All of the tenant's agents, however many pages they fill. */
  async agents(signal?: AbortSignal): Promise<Person[]> {
    const people: Person[] = []
    let after: string | number | null = null
    do {
      const page: Page<Person> = await this.#get('/agents', { after, limit: 200 }, signal)
      people.push(...page.items)
      after = page.next
    } while (after !== null)
    return people
  }

  addAgent(person: NewPerson, key: string): Promise<Person> {
    return this.#send('POST', '/agents', person, { idempotencyKey: key })
  }

  suspendAgent(id: string): Promise<unknown> {
    return this.#send('POST', `/agents/${encodeURIComponent(id)}/suspend`, {})
  }

  /** Instead of what was noted before; nobody reads the names again. Ends the agent's sessions. */
  noteKnownAs(id: string, names: readonly string[], key: string): Promise<Person> {
    const path = `/agents/${encodeURIComponent(id)}/known-as`
    return this.#send('POST', path, { names }, { idempotencyKey: key })
  }

  resumeAgent(id: string): Promise<unknown> {
    return this.#send('POST', `/agents/${encodeURIComponent(id)}/resume`, {})
  }

  #act(id: string, action: string, body: unknown, options?: RequestOptions): Promise<{ seq: number }> {
    return this.#send('POST', `/conversations/${encodeURIComponent(id)}/${action}`, body, options)
  }

  #decide(change: string, decision: string, body: unknown, key: string): Promise<{ seq: number }> {
    const path = `/approvals/${encodeURIComponent(change)}/${decision}`
    return this.#send('POST', path, body, { idempotencyKey: key })
  }

  #get<T>(path: string, query: object, signal?: AbortSignal): Promise<T> {
    const parameters = new URLSearchParams()
    for (const [name, value] of Object.entries(query)) {
      if (value !== null && value !== undefined && value !== '') parameters.set(name, String(value))
    }
    const suffix = parameters.size > 0 ? `?${parameters}` : ''
    return this.#watched(
      this.#http.request<T>('GET', `/v1/desk${path}${suffix}`, undefined, signal ? { signal } : {}),
    )
  }

  #send<T>(method: string, path: string, body?: unknown, options: RequestOptions = {}): Promise<T> {
    const headers = { 'X-CSRF-Token': this.#csrf }
    return this.#watched(
      this.#http.request<T>(method, `/v1/desk${path}`, body, { ...options, headers }),
    )
  }

  async #watched<T>(answer: Promise<T>): Promise<T> {
    try {
      return await answer
    } catch (error) {
      if (isProblem(error) && error.status === 401) this.onSignedOut?.()
      throw error
    }
  }
}
