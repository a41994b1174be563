// What a day needs besides the browser: events as a shop sends them, and the private API.
import { api, base, email, password } from './day.mjs'

const PATIENCE = 60_000

async function answered(request) {
  const text = await request.text()
  if (!request.ok) throw new Error(`${request.url} answered ${request.status}: ${text}`)
  return JSON.parse(text)
}

/** Sends something to the public API as a client does, to the byte; its answer, whatever it is. */
export const send = (path, body) => fetch(api + path, { method: 'POST', headers: { 'content-type': 'application/json' }, body })

/** Sends a request to collect, which must be taken. */
export const track = async body => answered(await send('/track', body))

/** Logs in at the private API; gives back what calls it. */
export async function privateApi() {
  const login = await fetch(`${base}/api/user/token`, { method: 'POST', body: new URLSearchParams({ username: email, password }) })
  const authorization = `Bearer ${(await answered(login)).access_token}`
  return async (method, path, json) =>
    answered(
      await fetch(`${base}/api${path}`, {
        method,
        headers: { authorization, 'content-type': 'application/json' },
        ...(json === undefined ? {} : { body: JSON.stringify(json) }),
      }),
    )
}

/** Waits until something is so; gives it back. */
export async function until(what, look) {
  const began = Date.now()
  for (;;) {
    const seen = await look()
    if (seen) return seen
    if (Date.now() - began > PATIENCE) throw new Error(`it did not come about that ${what}`)
    await new Promise(later => setTimeout(later, 100))
  }
}
