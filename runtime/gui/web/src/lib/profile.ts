import type { Json, ProfileDocument } from '../api/types'
import { parseTime } from './format'

const text = (value: unknown): string | null => (typeof value === 'string' && value.trim() !== '' ? value.trim() : null)

/** How a person is called: display name, full name, e-mail, or nothing that we know. */
export function nameOf(profile: ProfileDocument | null | undefined): string | null {
  const pii = profile?.data?.pii
  const full = [text(pii?.firstname), text(pii?.lastname)].filter(Boolean).join(' ')
  return text(pii?.display_name) ?? (full || null) ?? emailOf(profile)
}

export function emailOf(profile: ProfileDocument | null | undefined): string | null {
  const email = profile?.data?.contact?.email
  return text(email?.main) ?? text(email?.private) ?? text(email?.business)
}

export const ANONYMOUS = 'Anonymous visitor'

/** One or two letters for an avatar; null for somebody without a name. */
export function initials(name: string | null): string | null {
  if (name === null) return null
  const words = name.split('@')[0]?.split(/[\s._-]+/).filter(Boolean) ?? []
  const letters = words.length > 1 ? [words[0], words[words.length - 1]] : [words[0]]
  const result = letters.map(word => [...(word ?? '')][0] ?? '').join('').toUpperCase()
  return result || null
}

/** A number that is always the same for the same id, for choosing one of `count` colours. */
export function colourIndex(id: string, count: number): number {
  let hash = 2_166_136_261
  for (let at = 0; at < id.length; at++) hash = Math.imul(hash ^ id.charCodeAt(at), 16_777_619) >>> 0
  return hash % count
}

/** Visits of a profile. The counter of the visit times is the one that the collector keeps. */
export function visitsOf(profile: ProfileDocument): number {
  return profile.metadata?.time?.visit?.count ?? profile.stats?.visits ?? 0
}

export interface Consent {
  name: string
  /** When it ends, if it does. */
  until: Date | null
  active: boolean
}

export function consentsOf(profile: ProfileDocument, now: Date): Consent[] {
  return Object.entries(profile.consents ?? {}).map(([name, consent]) => {
    const until = parseTime(consent?.revoke)
    return { name, until, active: until === null || until > now }
  })
}

/** Interests with their weight, strongest first. Dots in a name made the store nest them: their names are joined again. */
export function interestsOf(profile: ProfileDocument): [name: string, weight: number][] {
  return flatten(profile.interests ?? {}, '').sort((a, b) => b[1] - a[1])
}

function flatten(value: { [key: string]: Json }, prefix: string): [string, number][] {
  return Object.entries(value).flatMap(([key, item]): [string, number][] => {
    const name = prefix + key
    if (typeof item === 'object' && item !== null && !Array.isArray(item)) return flatten(item, `${name}.`)
    const weight = Number(item)
    return Number.isFinite(weight) && item !== null ? [[name, weight]] : []
  })
}

/** Named leaves of a record of texts (contacts, identifiers): blank ones are left out. */
export function filled(record: Record<string, Json | undefined> | null | undefined): [key: string, value: string][] {
  return Object.entries(record ?? {}).flatMap(([key, value]): [string, string][] => {
    const shown = Array.isArray(value) ? value.filter(item => item !== null).join(', ') : value
    return typeof shown === 'string' && shown.trim() !== '' ? [[key, shown]] : typeof shown === 'number' ? [[key, String(shown)]] : []
  })
}
