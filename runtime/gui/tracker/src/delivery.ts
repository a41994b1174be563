import type { KeyValues, TrackResponse } from './types'

/**
 * Delivers payloads one after the other. A payload that the server did not acknowledge is sent again, byte for byte the
 * same: the server derives event ids from what it gets, so a repetition changes nothing there. What could not be
 * delivered before the page was left waits in local storage for the visitor's next page.
 */

/** Waits before the second, third, … attempt, in milliseconds. */
export const DELAYS = [1_000, 3_000, 9_000, 27_000, 60_000]
const OUTBOX_KEY = 'tracardi-outbox'
const OUTBOX_SIZE = 20
const OUTBOX_AGE_MS = 24 * 3_600_000

export interface Parcel {
  /** Milliseconds since 1970 at which it was made. */
  made: number
  body: string
}

export interface Surroundings {
  url: string
  fetch: (url: string, init: RequestInit) => Promise<Response>
  /** Hands a body to the browser for delivery; false when it refuses. */
  beacon: (url: string, body: string) => boolean
  wait: (milliseconds: number) => Promise<void>
  now: () => number
  store: KeyValues
  onError: (error: Error) => void
}

/** A refusal that another attempt would not change. */
class Refused extends Error {}

interface Job {
  made: number
  /** Written when its turn comes, then never changed. */
  body: string | null
  make: () => string
  flying: boolean
  resolve: (reply: TrackResponse | null) => void
}

export class Delivery {
  private readonly around: Surroundings
  private jobs: Job[] = []
  private running = false

  constructor(around: Surroundings) {
    this.around = around
  }

  /**
   * Sends what `make` returns when its turn comes (so that it can use what earlier replies brought) and resolves to the
   * reply, or to null when it was refused or all attempts failed.
   */
  send(make: () => string): Promise<TrackResponse | null> {
    return new Promise(resolve => {
      this.jobs.push({ made: this.around.now(), body: null, make, flying: false, resolve })
      void this.run()
    })
  }

  /** Gives a body to the browser to deliver; keeps it for the next page when the browser refuses. */
  handOver(body: string): void {
    if (!this.around.beacon(this.around.url, body)) this.keep([{ made: this.around.now(), body }])
  }

  /** Hands over everything that waits: the page is being left. A request under way is finished by the browser. */
  leave(): void {
    for (const job of this.jobs.filter(one => !one.flying)) {
      this.finish(job, null)
      this.handOver(written(job))
    }
  }

  /** Sends what an earlier page of this site left behind. */
  resume(): void {
    const left = this.kept()
    this.around.store.removeItem(OUTBOX_KEY)
    for (const { made, body } of left) {
      this.jobs.push({ made, body, make: () => body, flying: false, resolve: () => undefined })
    }
    void this.run()
  }

  private async run(): Promise<void> {
    if (this.running) return
    this.running = true
    for (let job = this.jobs[0]; job; job = this.jobs[0]) await this.deliver(job)
    this.running = false
  }

  private async deliver(job: Job): Promise<void> {
    const parcel = { made: job.made, body: written(job) }
    for (let failures = 0; this.jobs.indexOf(job) >= 0; failures++) {
      try {
        job.flying = true
        this.finish(job, await this.post(parcel))
        return
      } catch (error) {
        job.flying = false
        this.around.onError(error as Error)
        const wait = error instanceof Refused ? undefined : DELAYS[failures]
        if (wait === undefined) {
          this.finish(job, null)
          if (!(error instanceof Refused)) this.keep([parcel])
          return
        }
        await this.around.wait(wait)
      }
    }
  }

  private finish(job: Job, reply: TrackResponse | null): void {
    this.jobs = this.jobs.filter(other => other !== job)
    job.resolve(reply)
  }

  private async post(parcel: Parcel): Promise<TrackResponse | null> {
    const response = await this.around.fetch(this.around.url, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', 'x-timestamp': String(parcel.made) },
      credentials: 'omit',
      // Browsers refuse to keep big requests alive beyond the page.
      keepalive: parcel.body.length < 60_000,
      body: parcel.body,
    })
    if (response.ok) return (await response.json()) as TrackResponse | null
    const message = `Tracardi answered ${response.status}: ${(await response.text().catch(() => '')).slice(0, 300)}`
    throw response.status >= 500 || response.status === 429 || response.status === 408 ? new Error(message) : new Refused(message)
  }

  private keep(parcels: Parcel[]): void {
    if (parcels.length === 0) return
    try {
      this.around.store.setItem(OUTBOX_KEY, JSON.stringify([...this.kept(), ...parcels].slice(-OUTBOX_SIZE)))
    } catch (error) {
      this.around.onError(error as Error) // The storage is full.
    }
  }

  private kept(): Parcel[] {
    try {
      const parcels = JSON.parse(this.around.store.getItem(OUTBOX_KEY) ?? '[]') as Parcel[]
      const oldest = this.around.now() - OUTBOX_AGE_MS
      return parcels.filter(parcel => typeof parcel.body === 'string' && parcel.made > oldest)
    } catch {
      return []
    }
  }
}

function written(job: Job): string {
  if (job.body === null) job.body = job.make()
  return job.body
}
