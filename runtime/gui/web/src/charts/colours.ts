import { OTHER } from '../lib/histogram'
import { SERIES_COLOURS } from '../theme'

/** Colour of the series at a position; the remainder is always grey. */
export function seriesColour(scheme: 'light' | 'dark', at: number, name: string): string {
  const colours = SERIES_COLOURS[scheme]
  return (name === OTHER ? colours.at(-1) : colours[at % (colours.length - 1)]) ?? colours[0]
}
