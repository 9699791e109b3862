import { DeskApi } from '@answerable/sdk'

/** The one connection to the desk's HTTP API; it holds the CSRF token of the present session. */
export const api = new DeskApi({ base: '' })
