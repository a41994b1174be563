import type { Json, ProfileDocument } from '../api/types'
import { leaves } from './json'

/** A field of a profile: who wrote it last, and what. */
export interface Written {
  field: string
  /** The value as it is now, as text; blank if it is gone. */
  value: string
  time: string
  event: string
}

/** Which event wrote which field of a profile last, newest first. */
export function writes(profile: ProfileDocument): Written[] {
  return Object.entries(profile.metadata?.fields ?? {})
    .map(([field, [time, event]]) => ({ field, value: valueOf(profile, field) || given(profile, field), time, event }))
    .sort((a, b) => b.time.localeCompare(a.time) || a.field.localeCompare(b.field))
}

/** A consent that is given says so by being there. */
function given(profile: ProfileDocument, field: string): string {
  return field.startsWith('consents.') && Object.hasOwn(profile.consents ?? {}, field.slice('consents.'.length)) ? 'given' : ''
}

function valueOf(profile: ProfileDocument, field: string): string {
  let value: Json | undefined = profile as unknown as Json
  for (const step of field.split('.')) {
    if (typeof value !== 'object' || value === null || Array.isArray(value) || !Object.hasOwn(value, step)) return ''
    value = value[step]
  }
  return leaves(value).map(([path, text]) => (path ? `${path}: ${text}` : text)).join(', ')
}

/** Ids of the profiles that were merged into this one. */
export function mergedInto(profile: ProfileDocument): string[] {
  const merged = profile.metadata?.system?.aux?.merged
  return Array.isArray(merged) ? merged.filter(id => typeof id === 'string') : []
}
