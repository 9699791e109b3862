/** Texts of strangers, cut into parts that are safe to show; nothing here makes HTML. */

export type TextPart =
  | { kind: 'text'; text: string }
  | { kind: 'link'; text: string; href: string }
  | { kind: 'handle'; text: string; type: string; number: number }

// Only http and https become links; a closing mark belongs to the sentence, not to the address.
const LINK = /https?:\/\/[^\s<>"'\u200B-\u200F\u202A-\u202E\u2066-\u2069]+/giu
const CLOSING = /[.,;:!?)\]}'"\u2026\u3002]+$/u
const HANDLE = /<([a-z_]{2,20}):([0-9]{1,9})>/gu
// What somebody typed that looks like a handle comes with a backslash, and is shown without.
const ESCAPED = /<\\(?=\\* ?[A-Za-z_]{2,20} ?: ?[0-9])/gu

/** Web addresses as links; everything else stays text. */
export function withLinks(text: string): TextPart[] {
  const parts: TextPart[] = []
  let end = 0
  for (const match of text.matchAll(LINK)) {
    const shown = match[0].replace(CLOSING, '')
    const href = safeAddress(shown)
    if (href === null) continue
    if (match.index > end) parts.push({ kind: 'text', text: text.slice(end, match.index) })
    parts.push({ kind: 'link', text: shown, href })
    end = match.index + shown.length
  }
  if (end < text.length) parts.push({ kind: 'text', text: text.slice(end) })
  return parts
}

/** Handles of masked personal values, such as `<iban:1>`, set apart from the text. */
export function withHandles(text: string): TextPart[] {
  const parts: TextPart[] = []
  let end = 0
  for (const match of text.matchAll(HANDLE)) {
    if (match.index > end) parts.push({ kind: 'text', text: typed(text.slice(end, match.index)) })
    parts.push({
      kind: 'handle',
      text: match[0],
      type: match[1] ?? '',
      number: Number(match[2]),
    })
    end = match.index + match[0].length
  }
  if (end < text.length) parts.push({ kind: 'text', text: typed(text.slice(end)) })
  return parts
}

function typed(text: string): string {
  return text.replace(ESCAPED, '<')
}

function safeAddress(text: string): string | null {
  try {
    const url = new URL(text)
    // "https://bank.example@evil.example" shows one host and opens another.
    const plain = url.username === '' && url.password === ''
    return plain && (url.protocol === 'https:' || url.protocol === 'http:') ? url.href : null
  } catch {
    return null
  }
}
