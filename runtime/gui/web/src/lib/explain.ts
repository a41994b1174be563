import type { EventDocument, Json, ProfileDocument } from '../api/types'
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
    .map(([field, [time, event]]) => ({ field, value: valueOf(profile, field), time, event }))
    .sort((a, b) => b.time.localeCompare(a.time) || a.field.localeCompare(b.field))
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

export interface Warning {
  /** Kind and id of the configuration record that could not be applied, if the warning names one. */
  record: { kind: string; id: string } | null
  text: string
}

/** Why parts of the configuration could not be applied to an event: each reason begins with the record's kind and id. */
export function warningsOf(event: EventDocument): Warning[] {
  const warnings = event.aux?.warnings
  if (!Array.isArray(warnings)) return []
  return warnings.filter(text => typeof text === 'string').map(text => {
    const [, kind, id, why] = /^([a-z-]+) (\S+): ([\s\S]*)$/.exec(text) ?? []
    return kind && id && why ? { record: { kind, id }, text: why } : { record: null, text }
  })
}

/** Which check an event failed, and why; null for one that is as it must be. */
export function complaintOf(event: EventDocument): { check: string | null; message: string } | null {
  if (event.metadata?.valid !== false) return null
  const told = event.aux?.validation
  const { message, validator } = typeof told === 'object' && told !== null && !Array.isArray(told) ? told : {}
  return {
    check: typeof validator === 'string' && validator !== '' ? validator : null,
    message: typeof message === 'string' && message !== '' ? message : 'It is not as its type must be.',
  }
}
