import { Http, type HttpOptions } from './http'

export interface CustomerSession {
  /** The bearer of this session; whoever holds it reads this conversation. */
  session: string
  conversation: string | null
  contact: { name: string | null; proof: string }
  inbox: string
  welcome: string
  brand: string
  language: string
}

/** The customer's side of the HTTP API. */
export class CustomerApi {
  readonly #http: Http

  constructor(options: HttpOptions) {
    this.#http = new Http(options)
  }

  /**
   * Opens a session. token: the signed statement of the page's own server about who this is.
   * session: the bearer of an anonymous session to go on with, if it still holds.
   */
  openSession(
    who: { key: string; token: string | null; session: string | null },
    signal?: AbortSignal,
  ): Promise<CustomerSession> {
    const body = {
      key: who.key,
      ...(who.token ? { token: who.token } : {}),
      ...(who.session ? { session: who.session } : {}),
    }
    return this.#http.request('POST', '/v1/customer/sessions', body, signal ? { signal } : {})
  }
}
