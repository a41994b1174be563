import { describe, expect, it } from 'vitest'
import { DELAYS, Delivery, type Surroundings } from './delivery'
import { keyValues } from './ids'

type Answer = number | 'offline'

function setUp(answers: Answer[]) {
  const sent: string[] = []
  const stamps: unknown[] = []
  const beacons: string[] = []
  const waits: number[] = []
  const errors: string[] = []
  let release: (() => void) | null = null
  const around: Surroundings & { hold: boolean; beaconWorks: boolean } = {
    hold: false,
    beaconWorks: true,
    url: 'https://api.example/track',
    fetch: (_url, init) => {
      sent.push(init.body as string)
      stamps.push((init.headers as Record<string, string>)['x-timestamp'])
      const answer = answers.shift() ?? 200
      if (answer === 'offline') return Promise.reject(new TypeError('Failed to fetch'))
      return Promise.resolve(new Response(JSON.stringify({ profile: { id: `p${sent.length}` } }), { status: answer }))
    },
    beacon: (_url, body) => (around.beaconWorks ? (beacons.push(body), true) : false),
    wait: milliseconds => {
      waits.push(milliseconds)
      return around.hold ? new Promise(resolve => (release = resolve)) : Promise.resolve()
    },
    now: () => 1_700_000_000_000 + sent.length,
    store: keyValues(() => null),
    onError: error => void errors.push(error.message),
  }
  return { around, delivery: new Delivery(around), sent, stamps, beacons, waits, errors, release: () => release?.() }
}

const settle = () => new Promise(resolve => setTimeout(resolve, 5))

describe('delivery', () => {
  it('repeats the same bytes until they are acknowledged', async () => {
    const { delivery, sent, stamps, waits } = setUp(['offline', 503, 429, 200])
    let made = 0
    const reply = await delivery.send(() => `body ${++made}`)
    expect(reply?.profile?.id).toBe('p4')
    expect(sent).toEqual(['body 1', 'body 1', 'body 1', 'body 1'])
    expect(new Set(stamps).size).toBe(1)
    expect(waits).toEqual(DELAYS.slice(0, 3))
  })

  it('makes the second body after the first reply, so that it knows the profile', async () => {
    const { delivery, sent } = setUp(['offline', 200, 200])
    let profile = 'none'
    const first = delivery.send(() => profile).then(reply => void (profile = reply?.profile?.id ?? 'none'))
    const second = delivery.send(() => profile)
    await Promise.all([first, second])
    expect(sent).toEqual(['none', 'none', 'p2'])
  })

  it('does not repeat what was refused, and goes on with the next', async () => {
    const { delivery, sent, errors, waits } = setUp([422, 200])
    const replies = await Promise.all([delivery.send(() => 'bad'), delivery.send(() => 'good')])
    expect(replies[0]).toBeNull()
    expect(replies[1]).not.toBeNull()
    expect(sent).toEqual(['bad', 'good'])
    expect(waits).toEqual([])
    expect(errors[0]).toContain('422')
  })

  it('takes an answer without content', async () => {
    const { around, delivery } = setUp([])
    around.fetch = () => Promise.resolve(new Response('null'))
    expect(await delivery.send(() => 'x')).toBeNull()
  })

  it('keeps for the next page what never got through', async () => {
    const { around, delivery, sent } = setUp(Array<Answer>(DELAYS.length + 1).fill('offline'))
    expect(await delivery.send(() => 'lost?')).toBeNull()
    expect(sent).toHaveLength(DELAYS.length + 1)
    new Delivery(around).resume()
    await settle()
    expect(sent.at(-1)).toBe('lost?')
    expect(around.store.getItem('tracardi-outbox')).toBeNull()
  })

  it('hands over everything that waits when the page is left', async () => {
    const { around, delivery, beacons, sent, release } = setUp(['offline'])
    around.hold = true
    const first = delivery.send(() => 'one')
    const second = delivery.send(() => 'two')
    await settle()
    delivery.leave()
    expect(beacons).toEqual(['one', 'two'])
    expect(await Promise.all([first, second])).toEqual([null, null])
    release()
    await settle()
    expect(sent).toEqual(['one'])
    void delivery.send(() => 'three')
    await settle()
    expect(sent).toEqual(['one', 'three'])
  })

  it('leaves a request under way to the browser', async () => {
    const { around, delivery, beacons } = setUp([])
    around.fetch = () => new Promise(() => undefined)
    void delivery.send(() => 'flying')
    await settle()
    delivery.leave()
    expect(beacons).toEqual([])
  })

  it('keeps what the browser refuses to deliver, but not for ever', async () => {
    const { around, delivery, sent } = setUp([])
    around.beaconWorks = false
    delivery.handOver('refused')
    const later = new Delivery({ ...around, now: () => 1_700_000_000_000 + 25 * 3_600_000 })
    later.resume()
    await settle()
    expect(sent).toEqual([])
  })

  it('survives rubbish in the outbox', () => {
    const { around } = setUp([])
    around.store.setItem('tracardi-outbox', '{"a":')
    expect(() => new Delivery(around).resume()).not.toThrow()
    around.store.setItem('tracardi-outbox', '5')
    expect(() => new Delivery(around).resume()).not.toThrow()
  })
})
