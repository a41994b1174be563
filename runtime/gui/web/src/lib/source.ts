import type { EventSource } from '../api/types'

/** The built-in bridge of sources that send over HTTP. */
export const REST_BRIDGE = { id: '778ded05-4ff3-4e08-9a86-72c0195fa95d', name: 'REST' } as const

interface Form {
  name: string
  channel: string
  description: string
}

/** A new event source for trackers and plain HTTP. `fill` fills the bytes that its id is made from with random ones. */
export function newSource(form: Form, fill: (bytes: Uint8Array<ArrayBuffer>) => unknown): EventSource {
  return {
    id: uuid(fill),
    name: form.name.trim(),
    type: ['rest'],
    bridge: { ...REST_BRIDGE },
    description: form.description.trim(),
    channel: form.channel.trim(),
    enabled: true,
    transitional: false,
    tags: ['general'],
    groups: [],
  }
}

/** A version 4 UUID. `crypto.randomUUID` exists on secure origins only, and the application may be served over HTTP. */
export function uuid(fill: (bytes: Uint8Array<ArrayBuffer>) => unknown): string {
  const bytes = new Uint8Array(16)
  fill(bytes)
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80
  const hex = [...bytes].map(byte => byte.toString(16).padStart(2, '0')).join('')
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
}
