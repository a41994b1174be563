/** A span of time that ends now, as the range picker offers it and as range queries take it. */
export interface Range {
  key: string
  label: string
  /** Spoken form, for headings and assistive technology. */
  words: string
  delta: { value: number; entity: 'minute' | 'hour' | 'day' | 'year' }
  /** How often a view over this span is worth refreshing, in milliseconds. */
  refresh: number
}

export const RANGES: readonly Range[] = [
  { key: '15m', label: '15 min', words: 'last 15 minutes', delta: { value: -15, entity: 'minute' }, refresh: 10_000 },
  { key: '1h', label: '1 hour', words: 'last hour', delta: { value: -1, entity: 'hour' }, refresh: 15_000 },
  { key: '24h', label: '24 hours', words: 'last 24 hours', delta: { value: -24, entity: 'hour' }, refresh: 30_000 },
  { key: '7d', label: '7 days', words: 'last 7 days', delta: { value: -7, entity: 'day' }, refresh: 60_000 },
  { key: '30d', label: '30 days', words: 'last 30 days', delta: { value: -30, entity: 'day' }, refresh: 120_000 },
]

/** Everything there is: older than any installation. */
export const ALL_TIME: Range = {
  key: 'all',
  label: 'All',
  words: 'all time',
  delta: { value: -20, entity: 'year' },
  refresh: 60_000,
}

export function rangeByKey(key: string | null, fallback: string): Range {
  return [...RANGES, ALL_TIME].find(range => range.key === key) ?? rangeByKey(fallback, '24h')
}

/** Body of a range query over `range`. A missing `maxDate` means now. */
export function rangeBody(range: Range, where = '', limit?: number): Record<string, unknown> {
  return {
    minDate: { absolute: null, delta: { ...range.delta } },
    maxDate: null,
    where,
    timeZone: timeZone(),
    ...(limit === undefined ? {} : { start: 0, limit }),
  }
}

/** The visitor's zone, in which the server labels the intervals of a histogram. */
export function timeZone(): string {
  return Intl.DateTimeFormat().resolvedOptions().timeZone || 'UTC'
}
