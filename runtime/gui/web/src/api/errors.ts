/** One complaint about a request: where (names and indexes below its body) and what. */
export interface FieldError {
  loc: readonly (string | number)[]
  msg: string
}

/** A failed call, in words for people. `status` is 0 when no answer came; `fields` are the wrong fields that it names. */
export class ApiError extends Error {
  readonly status: number
  readonly fields: readonly FieldError[]

  constructor(status: number, message: string, fields: readonly FieldError[] = []) {
    super(message)
    this.name = 'ApiError'
    this.status = status
    this.fields = fields
  }
}

/** Reads the complaints of a list of field errors; the first element of `loc` names the part of the request. */
export function readFields(detail: unknown): FieldError[] {
  if (!Array.isArray(detail)) return []
  return detail.filter(isObject).map(({ loc, msg }) => ({
    loc: Array.isArray(loc) ? loc.slice(1).filter(step => typeof step === 'string' || typeof step === 'number') : [],
    msg: typeof msg === 'string' ? msg : 'is not valid',
  }))
}

/**
 * What an error answer says. `detail` is a text, or a list of field errors of which only `loc` (place) and `msg` count; any
 * other object is read as field: message.
 */
export function readError(status: number, body: unknown): ApiError {
  const detail = isObject(body) && 'detail' in body ? body.detail : body
  const fields = readFields(detail)
  return new ApiError(status, words(status, detail, fields), fields)
}

function words(status: number, detail: unknown, fields: readonly FieldError[]): string {
  if (typeof detail === 'string' && detail.trim() !== '') return detail
  if (fields.length > 0) return fields.map(({ loc, msg }) => (loc.length > 0 ? `${loc.join('.')}: ${msg}` : msg)).join('; ')
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
