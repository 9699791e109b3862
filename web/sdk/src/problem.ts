/** A request that was refused (RFC 9457), or `unreachable` when no answer came at all. */
export class Problem extends Error {
  readonly status: number
  readonly code: string
  readonly title: string
  readonly detail: string
  /** Seconds to wait before asking again, where the service said so. */
  readonly retryAfterSeconds: number | null
  /** Further members of the problem document, such as the version that was expected. */
  readonly members: Readonly<Record<string, unknown>>

  constructor(fields: {
    status: number
    code: string
    title: string
    detail?: string
    retryAfterSeconds?: number | null
    members?: Record<string, unknown>
  }) {
    super(fields.detail || fields.title)
    this.name = 'Problem'
    this.status = fields.status
    this.code = fields.code
    this.title = fields.title
    this.detail = fields.detail ?? ''
    this.retryAfterSeconds = fields.retryAfterSeconds ?? null
    this.members = fields.members ?? {}
  }
}

export function isProblem(error: unknown, code?: string): error is Problem {
  return error instanceof Problem && (code === undefined || error.code === code)
}

/** Reads whatever an unsuccessful answer says; never throws. */
export async function problemOf(response: Response): Promise<Problem> {
  let members: Record<string, unknown> = {}
  try {
    const body: unknown = await response.json()
    if (isRecord(body)) members = body
  } catch {
    // A proxy's HTML page or an empty body: the status alone has to do.
  }
  const retryAfter = Number(response.headers.get('Retry-After') ?? members['retry_after_seconds'])
  return new Problem({
    status: response.status,
    code: text(members['code']) ?? codeOfStatus(response.status),
    title: text(members['title']) ?? (response.statusText || `Error ${response.status}`),
    detail: text(members['detail']) ?? '',
    retryAfterSeconds: Number.isFinite(retryAfter) && retryAfter > 0 ? retryAfter : null,
    members,
  })
}

export function unreachable(): Problem {
  return new Problem({ status: 0, code: 'unreachable', title: 'The service cannot be reached.' })
}

function codeOfStatus(status: number): string {
  if (status === 401) return 'not_signed_in'
  if (status === 403) return 'not_allowed'
  if (status === 404) return 'not_found'
  if (status === 409) return 'conflict'
  if (status === 429) return 'too_many'
  return status >= 500 ? 'service_error' : 'invalid_input'
}

function text(value: unknown): string | null {
  return typeof value === 'string' && value !== '' ? value : null
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
