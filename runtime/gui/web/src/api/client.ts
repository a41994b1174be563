import { dataContext, forgetLogin, login } from '../auth/session'
import { ApiError, readError } from './errors'

/** Everything goes to the own origin: the GUI listener forwards this prefix to the private API. */
export const BASE = '/api'

interface Call {
  method?: 'GET' | 'POST' | 'DELETE'
  /** Sent as JSON. */
  json?: unknown
  /** Sent as a form. */
  form?: Record<string, string>
  /** Sent as it is. */
  text?: string
  signal?: AbortSignal
}

/** Headers that every call carries: who asks, and about which data. */
export function commonHeaders(): Record<string, string> {
  const token = login.get()?.token
  return {
    'x-context': dataContext.get(),
    ...(token ? { authorization: `Bearer ${token}` } : {}),
  }
}

/** Sends a request and hands back the answer, whatever its status. Fails with an `ApiError` when there is none. */
export async function send(path: string, call: Call = {}): Promise<Response> {
  const headers = commonHeaders()
  let body: string | undefined
  if (call.json !== undefined) {
    headers['content-type'] = 'application/json'
    body = JSON.stringify(call.json)
  } else if (call.form) {
    headers['content-type'] = 'application/x-www-form-urlencoded'
    body = new URLSearchParams(call.form).toString()
  } else if (call.text !== undefined) {
    headers['content-type'] = 'text/plain; charset=utf-8'
    body = call.text
  }
  try {
    return await fetch(BASE + path, { method: call.method ?? 'GET', headers, body, signal: call.signal ?? null, cache: 'no-store' })
  } catch (error) {
    if (call.signal?.aborted) throw error
    throw new ApiError(0, 'No connection to the server. Check that it runs and that you are online.')
  }
}

/** Calls the API and hands back the text of its answer. A 401 ends the login, wherever it comes from. */
export async function callText(path: string, options: Call = {}): Promise<string> {
  const response = await send(path, options)
  if (response.status === 401 && login.get() !== null) {
    forgetLogin('Your session has ended. Log in again to go on.')
    throw new ApiError(401, 'Your session has ended.')
  }
  const text = await response.text().catch(() => '')
  if (!response.ok) throw readError(response.status, parsed(text))
  return text
}

/** The same for an answer that is read as JSON. */
export async function call<T>(path: string, options: Call = {}): Promise<T> {
  return parsed(await callText(path, options)) as T
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
