import { problemOf, unreachable } from './problem'

export interface HttpOptions {
  /** Start of every address, without a closing slash; '' for the page's own origin. */
  base: string
  fetch?: typeof fetch
}

export interface RequestOptions {
  /** Names one intention: a repeat with the same key is carried out once. */
  idempotencyKey?: string
  signal?: AbortSignal
  headers?: Record<string, string>
}

/** JSON over HTTP as the service speaks it: problems become `Problem`, each POST has a key. */
export class Http {
  readonly #base: string
  readonly #fetch: typeof fetch

  constructor(options: HttpOptions) {
    this.#base = options.base
    this.#fetch = options.fetch ?? fetch.bind(globalThis)
  }

  /** Where this path is, for a link: the browser asks for it by itself. */
  address(path: string): string {
    return this.#base + path
  }

  async request<T>(
    method: string,
    path: string,
    body: unknown,
    options: RequestOptions = {},
  ): Promise<T> {
    const headers: Record<string, string> = { Accept: 'application/json', ...options.headers }
    if (body !== undefined) headers['Content-Type'] = 'application/json'
    if (method === 'POST') headers['Idempotency-Key'] = options.idempotencyKey ?? newKey()
    const init: RequestInit = { method, headers, credentials: 'same-origin' }
    if (body !== undefined) init.body = JSON.stringify(body)
    if (options.signal) init.signal = options.signal

    let response: Response
    try {
      response = await this.#fetch(this.#base + path, init)
    } catch (error) {
      if (options.signal?.aborted) throw error
      throw unreachable()
    }
    if (!response.ok) throw await problemOf(response)
    if (response.status === 204) return undefined as T
    return (await response.json()) as T
  }
}

/** A random key of 122 bits. `crypto.randomUUID` is missing on pages without TLS. */
export function newKey(): string {
  if (typeof crypto.randomUUID === 'function') return crypto.randomUUID()
  const bytes = crypto.getRandomValues(new Uint8Array(16))
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-')
}
