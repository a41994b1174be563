/** Documents and answers of the private API, as far as the application reads them. Every leaf may be absent or null. */

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json }
export type JsonObject = { [key: string]: Json }
type Maybe<T> = T | null | undefined

export interface Times {
  insert?: Maybe<string>
  create?: Maybe<string>
  update?: Maybe<string>
}

export interface Geo {
  country?: Maybe<{ name?: Maybe<string>; code?: Maybe<string> }>
  city?: Maybe<string>
  county?: Maybe<string>
}

export interface Device {
  name?: Maybe<string>
  brand?: Maybe<string>
  model?: Maybe<string>
  type?: Maybe<string>
  ip?: Maybe<string>
  resolution?: Maybe<string>
  geo?: Maybe<Geo>
}

export interface App {
  type?: Maybe<string>
  name?: Maybe<string>
  version?: Maybe<string>
  language?: Maybe<string>
  bot?: Maybe<boolean>
}

export interface Utm {
  source?: Maybe<string>
  medium?: Maybe<string>
  campaign?: Maybe<string>
  term?: Maybe<string>
  content?: Maybe<string>
}

export interface Product {
  id?: Maybe<string>
  name?: Maybe<string>
  sku?: Maybe<string>
  category?: Maybe<string>
  brand?: Maybe<string>
  variant?: Maybe<{ name?: Maybe<string>; color?: Maybe<string>; size?: Maybe<string> }>
  price?: Maybe<number | string>
  quantity?: Maybe<number | string>
  review?: Maybe<string>
  rate?: Maybe<number | string>
}

export interface Money {
  value?: Maybe<number | string>
  currency?: Maybe<string>
  due_date?: Maybe<string>
}

export interface EventDocument {
  id: string
  name?: Maybe<string>
  type: string
  metadata?: Maybe<{
    time?: Maybe<Times>
    status?: Maybe<string>
    channel?: Maybe<string>
    profile_less?: Maybe<boolean>
    valid?: Maybe<boolean>
    error?: Maybe<boolean>
    warning?: Maybe<boolean>
    /** Names of the rules and ids of the flows that handled it. */
    processed_by?: Maybe<{ rules?: Maybe<string[]>; flows?: Maybe<string[]> }>
  }>
  /** What the platform noted: `validation`, `warnings`. */
  aux?: Maybe<JsonObject>
  utm?: Maybe<Utm>
  properties?: Maybe<JsonObject>
  traits?: Maybe<JsonObject>
  source?: Maybe<{ id?: Maybe<string> }>
  session?: Maybe<{ id?: Maybe<string>; tz?: Maybe<string> }>
  profile?: Maybe<{ id?: Maybe<string> }>
  context?: Maybe<{ page?: Maybe<{ url?: Maybe<string>; path?: Maybe<string>; title?: Maybe<string> }> } & JsonObject>
  tags?: Maybe<{ values?: Maybe<string[]> }>
  device?: Maybe<Device>
  os?: Maybe<{ name?: Maybe<string>; version?: Maybe<string> }>
  app?: Maybe<App>
  hit?: Maybe<{
    name?: Maybe<string>
    url?: Maybe<string>
    referer?: Maybe<string>
    query?: Maybe<string>
    category?: Maybe<string>
    id?: Maybe<string>
  }>
  journey?: Maybe<{ state?: Maybe<string> }>
  data?: Maybe<{
    ec?: Maybe<{
      product?: Maybe<Product>
      order?: Maybe<{ id?: Maybe<string>; status?: Maybe<string>; income?: Maybe<Money>; cost?: Maybe<Money> }>
      checkout?: Maybe<{
        id?: Maybe<string>
        status?: Maybe<string>
        currency?: Maybe<string>
        value?: Maybe<number | string>
      }>
    }>
    contact?: Maybe<{ email?: Maybe<Record<string, Maybe<string>>> }>
    pii?: Maybe<{ firstname?: Maybe<string>; lastname?: Maybe<string> }>
    message?: Maybe<{ text?: Maybe<string>; status?: Maybe<string> }>
    marketing?: Maybe<{ promotion?: Maybe<{ name?: Maybe<string> }>; coupon?: Maybe<string> }>
  }>
}

export interface SessionDocument {
  id: string
  metadata?: Maybe<{ time?: Maybe<Times & { duration?: Maybe<number> }>; channel?: Maybe<string>; status?: Maybe<string> }>
  profile?: Maybe<{ id?: Maybe<string> }>
  device?: Maybe<Device>
  os?: Maybe<{ name?: Maybe<string>; version?: Maybe<string> }>
  app?: Maybe<App>
  utm?: Maybe<Utm>
  context?: Maybe<JsonObject>
}

export interface ProfileDocument {
  id: string
  ids?: Maybe<string[]>
  primary_id?: Maybe<string>
  active?: Maybe<boolean>
  metadata?: Maybe<{
    time?: Maybe<
      Times & { visit?: Maybe<{ last?: Maybe<string>; current?: Maybe<string>; count?: Maybe<number>; tz?: Maybe<string> }> }
    >
    status?: Maybe<string>
    /** Field -> when it was written last, and by which event. */
    fields?: Maybe<Record<string, [time: string, event: string]>>
    system?: Maybe<{ aux?: Maybe<JsonObject> }>
  }>
  stats?: Maybe<{ visits?: Maybe<number>; views?: Maybe<number>; counters?: Maybe<Record<string, number>> }>
  traits?: Maybe<JsonObject>
  segments?: Maybe<string[]>
  interests?: Maybe<JsonObject>
  consents?: Maybe<Record<string, Maybe<{ revoke?: Maybe<string> }>>>
  aux?: Maybe<JsonObject>
  data?: Maybe<ProfileData>
}

export interface ProfileData {
  anonymous?: Maybe<boolean>
  pii?: Maybe<
    { firstname?: Maybe<string>; lastname?: Maybe<string>; display_name?: Maybe<string>; gender?: Maybe<string> } & JsonObject
  >
  contact?: Maybe<{
    email?: Maybe<Record<string, Maybe<string>>>
    phone?: Maybe<Record<string, Maybe<string>>>
    app?: Maybe<Record<string, Json>>
    address?: Maybe<Record<string, Maybe<string>>>
  }>
  identifier?: Maybe<Record<string, Json>>
  devices?: Maybe<{ last?: Maybe<{ geo?: Maybe<Geo> }>; other?: Maybe<string[]> }>
  media?: Maybe<{ image?: Maybe<string>; webpage?: Maybe<string> }>
  preferences?: Maybe<Record<string, Maybe<string[]>>>
  job?: Maybe<{ position?: Maybe<string>; department?: Maybe<string>; company?: Maybe<{ name?: Maybe<string> }> }>
  metrics?: Maybe<{
    ltv?: Maybe<number>
    ltcosc?: Maybe<number>
    ltcocc?: Maybe<number>
    ltcop?: Maybe<number>
    ltcosv?: Maybe<number>
    ltcocv?: Maybe<number>
  }>
  loyalty?: Maybe<{ codes?: Maybe<string[]>; card?: Maybe<{ id?: Maybe<string>; name?: Maybe<string>; points?: Maybe<number> }> }>
}

export interface EventSource {
  id: string
  name: string
  type: string[]
  bridge: { id: string; name: string }
  description?: Maybe<string>
  channel?: Maybe<string>
  enabled: boolean
  transitional?: Maybe<boolean>
  timestamp?: Maybe<string>
  groups?: Maybe<string[]>
  tags?: Maybe<string[]>
  [more: string]: unknown
}

/** A page of stored documents. */
export interface Page<T> {
  total: number
  result: T[]
}

/** A histogram: one row for each interval, with a count for each bucket. */
export interface Histogram {
  total: number
  result: ({ date: string; interval: string } & Record<string, number | string>)[]
  buckets: string[]
}

export interface LoginAnswer {
  access_token: string
  token_type: string
  roles: string[]
}

export interface Account {
  id: string
  name?: Maybe<string>
  full_name?: Maybe<string>
  email: string
  roles: string[]
}

export type IndexName = 'event' | 'profile' | 'session'
