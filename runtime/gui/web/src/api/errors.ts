/** A failed call, in words for people. `status` is 0 when no answer came. */
export class ApiError extends Error {
  readonly status: number

  constructor(status: number, message: string) {
    super(message)
    this.name = 'ApiError'
    this.status = status
  }
}

/**
 * What an error answer says. `detail` is a text, or a list of field errors of which only `loc` (place, its first
 * element naming the part of the request) and `msg` count; any other object is read as field: message.
 */
export function readDetail(status: number, body: unknown): string {
  const detail = isObject(body) && 'detail' in body ? body.detail : body
  if (typeof detail === 'string' && detail.trim() !== '') return detail
  if (Array.isArray(detail)) {
    const lines = detail.filter(isObject).map(item => {
      const place = Array.isArray(item.loc) ? item.loc.slice(1).join('.') : ''
      const message = typeof item.msg === 'string' ? item.msg : 'is not valid'
      return place ? `${place}: ${message}` : message
    })
    if (lines.length > 0) return lines.join('; ')
  }
  if (isObject(detail)) {
    const lines = Object.entries(detail).map(([key, value]) => `${key}: ${String(value)}`)
    if (lines.length > 0) return lines.join('; ')
  }
  return FALLBACK[status] ?? `The server answered with status ${status}.`
}

const FALLBACK: Record<number, string> = {
  400: 'The server did not understand the request.',
  402: 'This feature needs a licence.',
  403: 'Your account may not do this.',
  404: 'There is no such record. It may have been deleted, or belongs to the other context.',
  429: 'Too many requests. Wait a moment and try again.',
  500: 'The server failed. Its log says why.',
  502: 'The private API cannot be reached. Is it running?',
  503: 'The server is not ready. Wait a moment and try again.',
  504: 'The private API did not answer in time.',
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
