/** Replies begun and not sent, kept per agent and conversation until they are sent (pain P19). */
const PREFIX = 'answerable.draft.'
const KEPT_MS = 14 * 24 * 3_600_000

export function readDraft(agent: string, conversation: string): string {
  try {
    const stored = localStorage.getItem(nameOf(agent, conversation))
    if (stored === null) return ''
    const draft = JSON.parse(stored) as { text?: unknown }
    return typeof draft.text === 'string' ? draft.text : ''
  } catch {
    return ''
  }
}

export function writeDraft(agent: string, conversation: string, text: string): void {
  try {
    const name = nameOf(agent, conversation)
    if (text === '') localStorage.removeItem(name)
    else localStorage.setItem(name, JSON.stringify({ text, at: Date.now() }))
  } catch {
    // Full or forbidden: the text is still in the field.
  }
}

/** Forgets drafts that nobody went back to, as they may quote what customers wrote. */
export function forgetOldDrafts(now: number): void {
  try {
    for (const name of Object.keys(localStorage)) {
      if (!name.startsWith(PREFIX)) continue
      const { at } = JSON.parse(localStorage.getItem(name) ?? '{}') as { at?: number }
      if (typeof at !== 'number' || now - at > KEPT_MS) localStorage.removeItem(name)
    }
  } catch {
    return
  }
}

function nameOf(agent: string, conversation: string): string {
  return `${PREFIX}${agent}.${conversation}`
}
