import type { App, Device, Geo } from '../api/types'

/** Devices, systems and places in words; null when nothing is known. */

const words = (...parts: (string | null | undefined)[]): string | null => parts.filter(part => part).join(' ') || null

const list = (...parts: (string | null | undefined)[]): string | null => parts.filter(part => part).join(', ') || null

/** What the user agent parser says when it does not know. */
const UNKNOWN = 'Other'

const known = (text: string | null | undefined): string | null => (text && text !== UNKNOWN ? text : null)

export function deviceName(device: Device | null | undefined): string | null {
  return list(words(known(device?.brand), known(device?.model) ?? known(device?.name)), device?.type, device?.resolution)
}

export function osName(os: { name?: string | null; version?: string | null } | null | undefined): string | null {
  return words(known(os?.name), os?.version)
}

export function appName(app: App | null | undefined): string | null {
  return words(known(app?.name), app?.version)
}

export function placeName(geo: Geo | null | undefined): string | null {
  return list(geo?.city, geo?.county, geo?.country?.name)
}
