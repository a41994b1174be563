/** Builds expressions of the search language (`field = "value"`, AND, OR, EXISTS) out of what people type. */

/** A quoted value. The language has no escapes, so what would end the string becomes a wildcard. */
export function quote(value: string): string {
  return `"${value.replace(/["\\]/g, '*')}"`
}

export function equals(field: string, value: string): string {
  return `${field} = ${quote(value)}`
}

/** Whether `text` is an expression rather than words to look for. */
export function isExpression(text: string): boolean {
  return /^\(*\s*[A-Za-z0-9._-]+\s*(=|!=|>=|<=|<|>)|\b(EXISTS|BETWEEN|IS\s+NULL)\b/.test(text.trim())
}

/** Any of `fields` contains `text`, as it was typed, in small letters, or With Capitals: the store tells them apart. */
export function contains(fields: readonly string[], text: string): string {
  const lower = text.toLowerCase()
  const capitals = lower.replace(/(^|\s)\S/g, first => first.toUpperCase())
  const spellings = [...new Set([text, lower, capitals])]
  return fields.flatMap(field => spellings.map(spelling => equals(field, `*${spelling}*`))).join(' OR ')
}

/** All of `parts` (empty ones left out), each kept together. */
export function all(...parts: string[]): string {
  const given = parts.map(part => part.trim()).filter(part => part !== '')
  if (given.length <= 1) return given[0] ?? ''
  return given.map(part => (/\b(AND|OR)\b/i.test(part) ? `(${part})` : part)).join(' AND ')
}

/** What a search box means: an expression is taken as it is, other text is looked for in `fields`. */
export function searchFor(text: string, fields: readonly string[]): string {
  const trimmed = text.trim()
  if (trimmed === '') return ''
  return isExpression(trimmed) ? trimmed : contains(fields, trimmed)
}

export const EVENT_FIELDS = ['type', 'hit.name', 'hit.url', 'hit.query', 'data.ec.product.name', 'profile.id', 'id'] as const

export const PROFILE_FIELDS = [
  'data.pii.firstname',
  'data.pii.lastname',
  'data.pii.display_name',
  'data.contact.email.main',
  'data.contact.email.private',
  'data.contact.email.business',
  'data.contact.phone.main',
  'data.identifier.id',
  'id',
] as const
