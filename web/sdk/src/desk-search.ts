import type { ConversationSummary, Page } from './desk-api'

/** Of a message, masked; `marked`: a word that was looked for. */
export interface Excerpt {
  seq: number
  author: 'contact' | 'assistant' | 'agent'
  at: string
  parts: { text: string; marked: boolean }[]
}

export interface SearchHit {
  conversation: ConversationSummary
  /** None where a contact was looked for. */
  excerpt: Excerpt | null
}

export interface SearchPage extends Page<SearchHit> {
  /** Words that were not looked for: most messages have them. */
  left_out: string[]
}
