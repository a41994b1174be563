import type { Histogram } from '../api/types'

export interface Series {
  name: string
  values: number[]
  total: number
}

export interface Stacked {
  labels: string[]
  series: Series[]
  total: number
}

/** What remains of an interval after the most frequent groups; the API names at most five. */
export const OTHER = 'other'

/**
 * Turns a grouped histogram into series for a stacked chart. Rows name their groups in lower case. `all` is the same
 * histogram without groups: what its rows count beyond the groups becomes the last series.
 */
export function stacked(histogram: Histogram, all: Histogram): Stacked {
  const labels = histogram.result.map(row => row.date)
  const series = histogram.buckets
    .filter(name => name !== OTHER)
    .map(name => {
      const values = histogram.result.map(row => count(row[name.toLowerCase()] ?? row[name]))
      return { name, values, total: sum(values) }
    })
  const remainder = labels.map((_, at) =>
    Math.max(0, count(all.result[at]?.count) - sum(series.map(one => one.values[at] ?? 0))),
  )
  const rest = sum(remainder)
  if (rest > 0) series.push({ name: OTHER, values: remainder, total: rest })
  return { labels, series, total: sum(series.map(one => one.total)) }
}

function count(value: unknown): number {
  return typeof value === 'number' && Number.isFinite(value) ? value : 0
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}
