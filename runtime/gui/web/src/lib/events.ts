import type { EventDocument } from '../api/types'
import { label, money, shortUrl } from './format'

/** What kind of thing an event is about; decides its icon and colour. */
export type Category = 'browsing' | 'basket' | 'purchase' | 'identity' | 'message' | 'taste' | 'marketing' | 'system' | 'other'

const CATEGORIES: Record<Exclude<Category, 'other'>, readonly string[]> = {
  browsing: [
    'page-view', 'page-print', 'screen-view', 'search', 'product-search-result', 'product-clicked',
    'product-details-page-view', 'location',
  ],
  basket: ['basket-viewed', 'product-added-to-basket', 'product-removed-from-basket', 'checkout-started', 'checkout-status'],
  purchase: [
    'checkout-completed', 'delivery-info-entered', 'payment-info-entered', 'order-started', 'order-completed',
    'order-delivered', 'order-status-change', 'product-returned', 'sale-completed', 'order-waiting-for-dispatch',
    'order-dispatched', 'order-dispatch-in-transit', 'order-awaiting-pickup', 'account-payable', 'account-receivable',
    'payment-sent', 'payment-received', 'payable-overdue', 'receivable-overdue',
  ],
  identity: ['sign-in', 'sign-up', 'account-deleted', 'identification', 'profile-update', 'consent-update'],
  message: ['messaging-started', 'message-sent', 'message-status', 'message-received', 'message-opened', 'messaging-ended'],
  taste: [
    'add-color-preference', 'add-size-preference', 'add-brand-preference', 'add-channel-preference',
    'add-payment-preference', 'increase-interest', 'decrease-interest', 'reset-interest', 'product-reviewed', 'rating',
    'loyalty-card-added', 'loyalty-card-removed',
  ],
  marketing: ['promotion-viewed', 'promotion-clicked', 'product-shared'],
  system: ['session-opened', 'visit-started', 'visit-ended', 'profile-created', 'profile-inactive', 'profile-archived'],
}

const CATEGORY_OF = new Map<string, Category>(
  Object.entries(CATEGORIES).flatMap(([category, types]) => types.map(type => [type, category as Category] as const)),
)

/** The event types that the platform knows by itself. */
export const TYPES: readonly string[] = [...CATEGORY_OF.keys()].sort()

export function categoryOf(type: string): Category {
  return CATEGORY_OF.get(type) ?? 'other'
}

/** An event's type in words: its stored name, or the type itself. */
export function eventName(event: Pick<EventDocument, 'name' | 'type'>): string {
  return event.name || typeName(event.type)
}

/** `page-view` → `Page view`. */
export function typeName(type: string): string {
  return label(type)
}

const text = (value: unknown): string | null =>
  typeof value === 'string' && value.trim() !== '' ? value.trim() : typeof value === 'number' ? String(value) : null

const quoted = (value: string | null, fallback: string): string => (value === null ? fallback : `“${value}”`)

const productOf = (event: EventDocument): string | null =>
  text(event.data?.ec?.product?.name) ?? text(event.properties?.name) ?? text(event.data?.ec?.product?.id)

const pageOf = (event: EventDocument): string | null => {
  const named = text(event.hit?.name) ?? text(event.context?.page?.title)
  const url = text(event.hit?.url) ?? text(event.context?.page?.url)
  return named ?? (url === null ? null : shortUrl(url))
}

const emailOf = (event: EventDocument): string | null =>
  Object.values(event.data?.contact?.email ?? {}).map(text).find(email => email !== null) ?? null

const worth = (event: EventDocument): string => {
  const amount = amountOf(event)
  return amount === null ? '' : ` of ${amount}`
}

/** The money that an event is about, in words. */
export function amountOf(event: EventDocument): string | null {
  const { checkout, order } = event.data?.ec ?? {}
  const properties = event.properties ?? {}
  const value = checkout?.value ?? order?.income?.value ?? (properties.value as number | string | undefined)
  const currency = checkout?.currency ?? order?.income?.currency ?? text(properties.currency)
  return money(value, currency)
}

const order = (event: EventDocument): string => {
  const id = text(event.data?.ec?.order?.id)
  return id === null ? 'an order' : `order ${id}`
}

const SENTENCES: Record<string, (event: EventDocument) => string> = {
  'page-view': event => `Viewed ${quoted(pageOf(event), 'a page')}`,
  'screen-view': event => `Viewed screen ${quoted(pageOf(event), '')}`.trim(),
  'page-print': event => `Printed ${quoted(pageOf(event), 'a page')}`,
  search: event => `Searched for ${quoted(text(event.hit?.query) ?? text(event.properties?.query), 'something')}`,
  'product-search-result': event => `Got results for ${quoted(text(event.hit?.query), 'a search')}`,
  'product-clicked': event => `Clicked on ${quoted(productOf(event), 'a product')}`,
  'product-details-page-view': event => `Looked at ${quoted(productOf(event), 'a product')}`,
  'basket-viewed': () => 'Looked into the basket',
  'product-added-to-basket': event => `Put ${quoted(productOf(event), 'a product')} into the basket`,
  'product-removed-from-basket': event => `Took ${quoted(productOf(event), 'a product')} out of the basket`,
  'checkout-started': event => `Started a checkout${worth(event)}`,
  'checkout-completed': event => `Completed a checkout${worth(event)}`,
  'delivery-info-entered': () => 'Entered a delivery address',
  'payment-info-entered': () => 'Entered payment details',
  'order-started': event => `Placed ${order(event)}${worth(event)}`,
  'order-completed': event => `Completed ${order(event)}${worth(event)}`,
  'order-dispatched': event => `Was sent ${order(event)}`,
  'order-delivered': event => `Received ${order(event)}`,
  'sale-completed': event => `Bought for ${amountOf(event) ?? 'an unknown amount'}`,
  'product-returned': event => `Returned ${quoted(productOf(event), 'a product')}`,
  'product-reviewed': event => `Reviewed ${quoted(productOf(event), 'a product')}`,
  'product-shared': event => `Shared ${quoted(productOf(event), 'a product')}`,
  'promotion-viewed': event => `Saw promotion ${quoted(text(event.data?.marketing?.promotion?.name), '')}`.trim(),
  'promotion-clicked': event => `Clicked promotion ${quoted(text(event.data?.marketing?.promotion?.name), '')}`.trim(),
  'sign-in': event => `Signed in${as(emailOf(event))}`,
  'sign-up': event => `Signed up${as(emailOf(event))}`,
  identification: event => `Was identified${as(emailOf(event))}`,
  'profile-update': () => 'Changed profile data',
  'consent-update': () => 'Changed consents',
  'increase-interest': event => `Gained interest in ${quoted(text(event.properties?.interest), 'something')}`,
  'decrease-interest': event => `Lost interest in ${quoted(text(event.properties?.interest), 'something')}`,
  'session-opened': () => 'Opened a session',
  'visit-started': () => 'Started a visit',
  'visit-ended': () => 'Ended the visit',
  'profile-created': () => 'Became known: a new profile',
}

const as = (email: string | null): string => (email === null ? '' : ` as ${email}`)

/** What happened, in one sentence without its subject: `Viewed “Trail shoes”`. */
export function sentence(event: EventDocument): string {
  const own = Object.hasOwn(SENTENCES, event.type) ? SENTENCES[event.type] : undefined
  if (own) return own(event)
  const subject = productOf(event) ?? pageOf(event)
  return subject === null ? eventName(event) : `${eventName(event)}: ${subject}`
}

/** Where it happened: the page, if the event came from one. */
export function placeOf(event: EventDocument): string | null {
  const url = text(event.hit?.url) ?? text(event.context?.page?.url)
  return url === null ? null : shortUrl(url)
}

/** Time at which an event was received, or made when that is unknown. */
export function timeOf(event: EventDocument): string | null {
  return event.metadata?.time?.insert ?? event.metadata?.time?.create ?? null
}

/** Adds new events before older ones, each id once, at most `limit`. */
export function mergeNewest(older: readonly EventDocument[], newer: readonly EventDocument[], limit: number): EventDocument[] {
  const seen = new Set<string>()
  const merged: EventDocument[] = []
  for (const event of [...newer, ...older]) {
    if (seen.has(event.id)) continue
    seen.add(event.id)
    merged.push(event)
    if (merged.length === limit) break
  }
  return merged
}
