/** Values in words for people. All times are shown in the reader's own zone. */

const NUMBER = new Intl.NumberFormat('en')
const COMPACT = new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 1 })
const DATE_TIME = new Intl.DateTimeFormat('en', { dateStyle: 'medium', timeStyle: 'medium' })
const DAY = new Intl.DateTimeFormat('en', { weekday: 'long', day: 'numeric', month: 'long', year: 'numeric' })
const TIME = new Intl.DateTimeFormat('en', { hour: '2-digit', minute: '2-digit', hour12: false })

export function number(value: number): string {
  return NUMBER.format(value)
}

/** A short form for big counters: 12,345 stays, a million becomes 1.2M. */
export function counter(value: number): string {
  return Math.abs(value) < 1_000_000 ? NUMBER.format(value) : COMPACT.format(value)
}

/** Reads a stored time (with `Z`, an offset, or no zone, which means UTC); null for anything else. */
export function parseTime(value: string | null | undefined): Date | null {
  if (!value) return null
  const zoned = /(Z|[+-]\d{2}:?\d{2})$/i.test(value) ? value : `${value.replace(' ', 'T')}Z`
  const date = new Date(zoned)
  return Number.isNaN(date.getTime()) ? null : date
}

export const dateTime = (date: Date): string => DATE_TIME.format(date)
export const day = (date: Date): string => DAY.format(date)
export const time = (date: Date): string => TIME.format(date)

const STEPS: readonly [limit: number, size: number, unit: string][] = [
  [60, 1, 's'],
  [3_600, 60, 'min'],
  [86_400, 3_600, 'h'],
  [86_400 * 30, 86_400, 'd'],
]

/** How long ago, in short: `just now`, `12 s ago`, `3 h ago`; the date when it is more than a month. */
export function ago(date: Date, now: Date): string {
  const seconds = Math.round((now.getTime() - date.getTime()) / 1000)
  if (seconds < -5) return dateTime(date)
  if (seconds < 5) return 'just now'
  for (const [limit, size, unit] of STEPS) if (seconds < limit) return `${Math.floor(seconds / size)} ${unit} ago`
  return new Intl.DateTimeFormat('en', { dateStyle: 'medium' }).format(date)
}

/** A span in words: `45 s`, `3 min 20 s`, `2 h 5 min`. */
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds))
  if (whole < 60) return `${whole} s`
  if (whole < 3_600) return join(Math.floor(whole / 60), 'min', whole % 60, 's')
  return join(Math.floor(whole / 3_600), 'h', Math.floor((whole % 3_600) / 60), 'min')
}

function join(big: number, bigUnit: string, small: number, smallUnit: string): string {
  return small === 0 ? `${big} ${bigUnit}` : `${big} ${bigUnit} ${small} ${smallUnit}`
}

/** An amount of money. Values come from web pages, so they may be texts, and the currency may be unknown or absent. */
export function money(value: number | string | null | undefined, currency?: string | null): string | null {
  if (value === null || value === undefined || value === '') return null
  const amount = Number(value)
  if (!Number.isFinite(amount)) return [String(value), currency].filter(Boolean).join(' ')
  if (currency && /^[A-Za-z]{3}$/.test(currency)) {
    return new Intl.NumberFormat('en', { style: 'currency', currency: currency.toUpperCase() }).format(amount)
  }
  const plain = new Intl.NumberFormat('en', { minimumFractionDigits: 2, maximumFractionDigits: 2 }).format(amount)
  return [plain, currency].filter(Boolean).join(' ')
}

/** `firstname` → `Firstname`, `credit_card` → `Credit card`, `pageUrl` → `Page url`. */
export function label(key: string): string {
  const words = key.replace(/([a-z0-9])([A-Z])/g, '$1 $2').replace(/[_.-]+/g, ' ').trim().toLowerCase()
  return words.charAt(0).toUpperCase() + words.slice(1)
}

/** The beginning of an id, enough to tell two apart on a page. */
export function shortId(id: string): string {
  return id.length > 12 ? `${id.slice(0, 8)}…` : id
}

/** Host and path of a URL without its scheme; the text itself if it is none. */
export function shortUrl(url: string): string {
  try {
    const parsed = new URL(url)
    return parsed.host + (parsed.pathname === '/' ? '' : parsed.pathname)
  } catch {
    return url
  }
}

/** The text as a link target if it is a web address, otherwise null: a stored `javascript:` URL must not become a link. */
export function webUrl(url: string | null | undefined): string | null {
  return url && /^https?:\/\//i.test(url) ? url : null
}
