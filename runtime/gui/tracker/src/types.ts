/** What a page configures, what goes over the wire, and the parts of the browser that are used. */

export type Properties = Record<string, unknown>

/** Options of one `track` call. All of them are stored with the event. */
export interface TrackOptions {
  /** Send now instead of with the page's first batch. */
  fire?: boolean
  /** Hand the event to the browser to deliver, even if the page is left at once; there is no reply. */
  asBeacon?: boolean
  /** `false` asks the server to finish its workflows before it replies. */
  async?: boolean
  /** Added to the context of the event. */
  context?: Properties
  [more: string]: unknown
}

/** The global `options` object of a page. */
export interface PageOptions {
  tracker?: {
    url?: { script?: string; api?: string }
    source?: { id?: string }
    profile?: { id?: string }
    context?: {
      cookies?: boolean
      storage?: boolean
      browser?: boolean
      page?: boolean
      screen?: boolean
      performance?: boolean
      location?: boolean | { url?: string; data?: RequestInit }
      utm?: boolean
    }
    settings?: { trackExternalLinks?: string[]; respectDoNotTrack?: boolean }
    auto?: { events?: AutoEvent[]; triggers?: string[] }
  }
  listeners?: {
    onInit?: Listener
    onCookiesDisabled?: Listener
    onResponse?: (response: TrackResponse) => void
    onError?: (error: Error) => void
  }
  /** Added to the session context. */
  context?: Properties
}

export type AutoEvent = string | { type: string; properties?: Properties; options?: TrackOptions }

/** What listeners get. */
export interface Ready {
  tracker: Tracker
  helpers: Helpers
  context: Properties
  config: PageOptions
}
export type Listener = (ready: Ready) => void

export interface Tracker {
  track(type: string, properties?: Properties, options?: TrackOptions): Promise<TrackResponse | null>
}

export interface Helpers {
  track: Tracker['track']
  /** Id of the running session. */
  sessionId(): string
  /** Id of the visitor's profile, once the server has told it. */
  profileId(): string | null
  /** `url` with the visitor's identity attached, for another site of the same owner. */
  linkTo(url: string): string
  onClick(target: Target, type: string, properties?: Properties): void
  onMouseOver(target: Target, type: string, properties?: Properties): void
  onVisible(target: Target, type: string, properties?: Properties): void
}
export type Target = string | Element

export interface WireEvent {
  type: string
  time: { create: string }
  properties: Properties
  options: TrackOptions
  context: Properties
}

/** Body of `POST /track`. */
export interface Payload {
  source: { id: string }
  session: { id: string }
  profile: { id: string } | null
  device: { id: string }
  context: Properties
  options: Properties
  events: WireEvent[]
}

/** Answer of `POST /track`, as far as it is used. */
export interface TrackResponse {
  profile?: { id?: string | null } | null
  session?: { id?: string | null } | null
  ux?: UxElement[]
  response?: Properties
  context?: Properties
  [more: string]: unknown
}

export interface UxElement {
  tag: string
  props?: Record<string, unknown>
  content?: string
}

/** `localStorage`, or a stand-in when it is switched off. */
export interface KeyValues {
  getItem(key: string): string | null
  setItem(key: string, value: string): void
  removeItem(key: string): void
}
