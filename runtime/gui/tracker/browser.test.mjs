// The built tracker in a real Chromium, against a server that fails when told to. Run by `npm run test:browser -w tracker`
// after `npm run build`; the browser is the one of e2e/browser (`npm ci` there first).
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { after, before, test } from 'node:test'
import { start } from '../../../e2e/browser/chromium.mjs'

const script = readFileSync(new URL('dist/liliput.min.js', import.meta.url))
/** Bodies of `POST /track`, with the status that each was answered with. */
const received = []
/** What to answer next: a status, or `cut` for a connection that breaks. 200 when empty. */
const answers = []
let server, address, browser, context

const page = declaration => `<!doctype html><title>A page</title>
  <script>
    ${declaration} = {
      tracker: {
        url: { script: '${address}/tracker', api: '${address}/' },
        source: { id: 's1' },
        settings: { respectDoNotTrack: true, trackExternalLinks: ['other.example'] },
        auto: { events: ['page-seen'], triggers: ['onClick'] }
      },
      listeners: {
        onInit: function (ready) { window.initialised = Object.keys(ready) },
        onError: function (error) { (window.errors = window.errors || []).push(error.message) }
      },
      context: { extra: 1 }
    }
    window.tracker = { queue: [], track: function () { this.queue.push(arguments) } }
    tracker.track('page-view', { a: 1 })
  </script>
  <script async src="/tracker/liliput.min.js"></script>
  <a id="out" href="https://other.example/z?q=1">out</a>
  <button data-tracardi-tag="buy" data-tracardi-event="buy-clicked">buy</button>`

async function answer(request, response) {
  let body = ''
  for await (const chunk of request) body += chunk
  const cors = {
    'access-control-allow-origin': request.headers.origin ?? '*',
    'access-control-allow-credentials': 'true',
    'access-control-allow-headers': request.headers['access-control-request-headers'] ?? '',
    'access-control-allow-methods': 'POST',
  }
  if (request.method === 'OPTIONS') return response.writeHead(200, cors).end('OK')
  if (request.url === '/tracker/liliput.min.js') return response.writeHead(200, { 'content-type': 'text/javascript' }).end(script)
  if (request.url !== '/track') {
    const declaration = request.url.startsWith('/const') ? 'const options' : 'window.options'
    return response.writeHead(200, { 'content-type': 'text/html' }).end(page(declaration))
  }
  const status = answers.shift() ?? 200
  received.push({ status, text: body, body: JSON.parse(body), headers: request.headers })
  if (status === 'cut') return request.socket.destroy()
  const ux = received.length === 1 ? [] : [{ tag: 'aside', props: { class: 'ux', 'data-x': 1 }, content: 'from a workflow' }]
  response.writeHead(status, { ...cors, 'content-type': 'application/json' })
  response.end(JSON.stringify({ profile: { id: 'P1' }, session: { id: 's' }, ux, response: {} }))
}

const of = type => received.filter(({ body }) => body.events.some(event => event.type === type))

/** Waits until `condition` gives something truthy, and gives it back. */
async function until(condition, what) {
  const end = Date.now() + 10_000
  for (;;) {
    const value = await condition()
    if (value) return value
    assert.ok(Date.now() < end, `waited in vain for ${what}`)
    await new Promise(resolve => setTimeout(resolve, 50))
  }
}

before(async () => {
  server = createServer((request, response) => void answer(request, response))
  await new Promise(resolve => server.listen(0, '127.0.0.1', resolve))
  address = `http://127.0.0.1:${server.address().port}`
  ;({ browser, context } = await start())
})
after(async () => {
  await browser?.close()
  server?.close()
})

test('a visit', async steps => {
  const tab = await context.newPage()
  const crashes = []
  tab.on('pageerror', error => crashes.push(error.message))

  await steps.test('the first payload is repeated byte for byte until it is acknowledged', async () => {
    answers.push('cut', 503)
    await tab.goto(`${address}/?utm_source=news&__tr_pid=PX&__tr_src=SX`)
    await until(() => received.length === 3, 'three attempts')
    assert.equal(new Set(received.map(one => one.text)).size, 1)
    assert.equal(new Set(received.map(one => one.headers['x-timestamp'])).size, 1)
    const { body, headers } = received[2]
    assert.deepEqual(body.events.map(event => event.type), ['page-seen', 'page-view'])
    assert.equal(body.profile, null)
    assert.equal(body.context.utm.source, 'news')
    assert.equal(body.context.extra, 1)
    assert.deepEqual(body.context.tracardi.pass, { profile: 'PX', source: 'SX' })
    assert.equal(headers.cookie, undefined)
  })

  await steps.test('the identity in the address is used and removed', async () => {
    assert.equal(tab.url(), `${address}/?utm_source=news`)
    assert.equal(received[0].body.events[0].context.page.url, `${address}/?utm_source=news`)
  })

  await steps.test('page and listeners get what they rely on', async () => {
    await until(() => tab.evaluate('window.response && window.response.profile.id === "P1"'), 'window.response')
    assert.deepEqual(await tab.evaluate('window.initialised'), ['tracker', 'helpers', 'context', 'config'])
    assert.equal(await tab.locator('aside.ux[data-x="1"]').first().innerText(), 'from a workflow')
    assert.equal(await tab.evaluate('new Promise(done => onTracardiReady.bind(ready => done(ready.helpers.profileId())))'), 'P1')
  })

  await steps.test('a fired event carries the profile that the server told, and keeps session and device', async () => {
    await tab.evaluate('tracker.track("fired", { b: 2 }, { fire: true, context: { c: 3 } })')
    const [{ body }] = of('fired')
    assert.deepEqual(body.profile, { id: 'P1' })
    assert.equal(body.events[0].context.c, 3)
    assert.equal(body.session.id, received[0].body.session.id)
    assert.equal(body.device.id, received[0].body.device.id)
  })

  await steps.test('a click on a tagged element is an event', async () => {
    await tab.getByRole('button').click()
    const [{ body }] = await until(() => of('buy-clicked').length > 0 && of('buy-clicked'), 'the click')
    assert.equal(body.events[0].properties.tag, 'buy')
  })

  await steps.test('a link to a named site carries the identity', async () => {
    await tab.evaluate('document.querySelector("#out").addEventListener("click", event => event.preventDefault())')
    await tab.locator('#out').click()
    assert.equal(await tab.locator('#out').getAttribute('href'), 'https://other.example/z?q=1&__tr_pid=P1&__tr_src=s1')
  })

  await steps.test('what waits when the page is left arrives, once', async () => {
    await tab.evaluate('void tracker.track("late", {})')
    await tab.goto(`${address}/const`)
    await until(() => of('late').length > 0, 'the late event')
    await until(() => of('page-seen').length >= 4, 'the next page, with options made by const')
    assert.equal(of('late').length, 1)
  })

  await steps.test('what waits for another attempt is handed over unchanged', async () => {
    await until(() => tab.evaluate('window.response && 1'), 'the page to be calm')
    answers.push(503)
    await tab.evaluate('void tracker.track("stubborn", {}, { fire: true })')
    await until(() => of('stubborn').length === 1, 'the first attempt')
    await until(() => tab.evaluate('window.errors && 1'), 'the failure')
    await tab.goto(`${address}/`)
    await until(() => of('stubborn').length === 2, 'the second attempt')
    assert.equal(of('stubborn')[0].text, of('stubborn')[1].text)
  })

  await steps.test('properties that are no JSON are explained', async () => {
    await tab.evaluate('void tracker.track("bad", { n: 1n }, { fire: true })')
    assert.match((await tab.evaluate('window.errors')).join(), /"bad" cannot be sent/)
  })

  assert.deepEqual(crashes, [])
})

test('a visitor who asks not to be tracked is not', async () => {
  const shy = await browser.newContext()
  await shy.addInitScript('Object.defineProperty(navigator, "doNotTrack", { get: () => "1" })')
  const tab = await shy.newPage()
  const before = received.length
  await tab.goto(`${address}/`)
  await until(() => tab.evaluate('window.initialised && 1'), 'the tracker')
  await tab.evaluate('tracker.track("fired", {}, { fire: true })')
  await new Promise(resolve => setTimeout(resolve, 300))
  assert.equal(received.length, before)
  assert.deepEqual(await shy.cookies(), [])
})
