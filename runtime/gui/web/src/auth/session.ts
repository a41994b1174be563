import { createStore } from '../lib/store'

/** Who is logged in, and the data context that is looked at. */
export interface Login {
  token: string
  email: string
  roles: string[]
}

export type DataContext = 'production' | 'staging'

const LOGIN_KEY = 'tracardi-login'
const CONTEXT_KEY = 'tracardi-context'

/**
 * The token lives in memory and in sessionStorage: a reload keeps it, closing the tab ends it, other tabs and other
 * origins never see it, and no request carries it by itself (so there is nothing to forge across sites). A cookie
 * would be safer against injected scripts, but the API answers with a bearer token; the content security policy
 * (own scripts only) is the guard on that side.
 */
export const login = createStore<Login | null>(read(LOGIN_KEY, isLogin))
export const dataContext = createStore<DataContext>(read(CONTEXT_KEY, isContext) ?? 'production')

/** Why the last session ended without the user asking; shown on the login page. */
export const endedBecause = createStore<string | null>(null)

login.subscribe(() => write(LOGIN_KEY, login.get()))
dataContext.subscribe(() => write(CONTEXT_KEY, dataContext.get()))

/** Forgets the login. `reason` is told to the user on the login page. */
export function forgetLogin(reason: string | null): void {
  endedBecause.set(reason)
  login.set(null)
}

function isLogin(value: unknown): value is Login {
  const candidate = value as Partial<Login> | null
  return typeof candidate?.token === 'string' && typeof candidate.email === 'string' && Array.isArray(candidate.roles)
}

function isContext(value: unknown): value is DataContext {
  return value === 'production' || value === 'staging'
}

function read<T>(key: string, check: (value: unknown) => value is T): T | null {
  try {
    const value: unknown = JSON.parse(sessionStorage.getItem(key) ?? 'null')
    return check(value) ? value : null
  } catch {
    return null // Storage is switched off or holds something foreign: start afresh.
  }
}

function write(key: string, value: unknown): void {
  try {
    if (value === null) sessionStorage.removeItem(key)
    else sessionStorage.setItem(key, JSON.stringify(value))
  } catch {
    // Without storage the value simply ends with the page.
  }
}
