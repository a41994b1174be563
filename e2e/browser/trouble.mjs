// A day on which things go wrong, in a real browser: a record of the configuration that does nothing, an event that is not as it
// has to be, a destination that refuses. Each is seen, understood, mended and made good in the web application.
//
// The environment is that of day.mjs. The installation may deliver to loopback addresses, and there is a segment `Regulars` for
// events of type `visit` that does not compile, as an import may leave one.
import { privateApi, track, until } from './calls.mjs'
import { base, day, logIn, source } from './day.mjs'
import { receiver } from './receiver.mjs'

const around = `"source":{"id":${JSON.stringify(source)}},"session":{"id":"till-7"},"context":{"page":{"title":"Till"}}`
/** No tree of these numbers is the same. */
const ORDER = '{"type":"order","id":"order-1","properties":{"total":"12.50","weight":1.0,"ean":12345678901234567890}}'
const HTTP = 'tracardi.process_engine.destination.http_connector.HttpConnector'

const call = await privateApi()
const shop = await receiver()

await day(async ({ desk, step, forgive, go, examined }) => {
  const became = () => desk.getByRole('region', { name: 'What became of it' }).getByRole('listitem')
  const event = async id => {
    await desk.goto(`${base}/events/${id}`)
    await became().first().waitFor()
  }
  const badge = text => desk.getByRole('main').getByText(text, { exact: true }).first()
  const saved = async () => {
    await desk.getByRole('button', { name: 'Save' }).click()
    await desk.getByRole('status').filter({ hasText: 'Saved, in force' }).waitFor()
  }
  const gone = locator => locator.waitFor({ state: 'detached' })

  await step('log in', () => logIn(desk))

  await step('a record that does nothing is told by the overview, by events, and by itself', async () => {
    const box = desk.getByRole('alert').filter({ hasText: 'A configuration record does nothing' })
    await box.getByText('line 1, column').waitFor()
    await examined('problems-overview')
    await track(`{${around},"events":[{"type":"visit","id":"visit-1"}]}`)
    await event('visit-1')
    await badge('warning').waitFor()
    const warned = became().filter({ hasText: 'A part of the configuration could not be applied' })
    await warned.getByText('it has an error').waitFor()
    await warned.getByRole('link', { name: 'Regulars' }).waitFor()
    await examined('event-warned')
    await go('Configuration')
    await box.getByRole('link', { name: 'Regulars' }).click()
    await desk.getByRole('heading', { level: 1, name: 'Regulars' }).waitFor()
    await desk.getByRole('alert').filter({ hasText: 'This record does nothing' }).waitFor()
    const said = await desk.locator('.complaint').first().innerText()
    await examined('record-broken')
    await desk.getByRole('textbox', { name: /^Condition/ }).fill('profile@stats.visits > 3')
    await saved()
    await go('Configuration')
    await desk.getByRole('region', { name: 'People' }).waitFor()
    await gone(box)
    await track(`{${around},"events":[{"type":"visit","id":"visit-2"}]}`)
    await event('visit-2')
    await gone(badge('warning'))
    return said.split('\n')[0]
  })

  await step('an invalid event: why, by which record, and what was sent, to the digit', async () => {
    await call('POST', '/event-validator', {
      id: 'totals', name: 'Totals are numbers', enabled: true, event_type: { id: 'order', name: 'Order' },
      validation: { json_schema: { 'event@properties.total': { type: 'number' } } },
    })
    await track(`{${around},"events":[${ORDER}]}`)
    await event('order-1')
    await badge('invalid').waitFor()
    const invalid = became().filter({ hasText: 'It is invalid' })
    await invalid.getByText('event@properties.total').waitFor()
    await invalid.getByRole('link', { name: 'Totals are numbers' }).waitFor()
    const sent = desk.getByRole('region', { name: 'What was sent' })
    const text = await sent.getByLabel('What was sent: the event', { exact: true }).innerText()
    if (text.replaceAll(/\s/g, '') !== ORDER) throw new Error(`the event is shown as ${text}`)
    await sent.getByLabel('What was sent: what stood around it').getByText('"Till"').waitFor()
    await examined('event-invalid')
    // As long as the validation is as it is, nothing helps.
    await sent.getByRole('button', { name: 'Process it once more' }).click()
    const refused = await sent.getByRole('alert').innerText()
    forgive('/replay answered 409')
    return refused
  })

  await step('the quarantine: replayed in vain, the validation mended from there, replayed for good', async () => {
    await go('Configuration')
    await desk.getByRole('link', { name: /^Quarantine/ }).click()
    await desk.getByRole('heading', { level: 1, name: 'Quarantine' }).waitFor()
    const rows = desk.getByRole('main').getByRole('listitem')
    await rows.filter({ hasText: 'event@properties.total' }).waitFor()
    await rows.getByText('What was sent').click()
    const text = await rows.getByLabel('What was sent for order-1: the event').innerText()
    if (text.replaceAll(/\s/g, '') !== ORDER) throw new Error(`the event is shown as ${text}`)
    await examined('quarantine')
    const again = desk.getByRole('button', { name: 'Process these once more' })
    const outcome = desk.getByRole('main').getByRole('status')
    await again.click()
    await outcome.filter({ hasText: /^0 processed, 1 not: .*totals/ }).waitFor()
    await examined('quarantine-refused')

    await rows.getByRole('link', { name: /^order/ }).click()
    await became().getByRole('link', { name: 'Totals are numbers' }).click()
    await desk.getByRole('heading', { level: 1, name: 'Totals are numbers' }).waitFor()
    await desk.getByLabel(/^Schema/).last().fill('{ "type": "string" }')
    await saved()

    await desk.goto(`${base}/quarantine`)
    await again.click()
    await outcome.filter({ hasText: /^1 processed$/ }).waitFor()
    await desk.getByText('Every event was taken').waitFor()
    await examined('quarantine-empty')
    await event('order-1')
    await gone(badge('invalid'))
    await gone(became().filter({ hasText: 'It is invalid' }))
    await gone(desk.getByRole('region', { name: 'What was sent' }))
    const { event: stored } = await call('GET', '/event/order-1')
    if (stored.metadata.valid !== true || stored.properties.total !== '12.50') throw new Error(JSON.stringify(stored))
  })

  await step('a destination that is out of order is tried again, one that refuses is not', async () => {
    await call('POST', '/resource', { id: 'till', name: 'Till', type: 'api', credentials: { production: { url: shop.url } } })
    await call('POST', '/destination', {
      id: 'till', name: 'Shipments to the till', enabled: true, on_profile_change_only: false, resource: { id: 'till' },
      source: { id: source, name: source }, event_type: { id: 'shipment', name: 'Shipment' },
      mapping: { parcel: 'event@properties.parcel' }, destination: { package: HTTP, init: { method: 'post' } },
    })
    shop.answer = { status: 500, text: 'out of paper' }
    await track(`{${around},"events":[{"type":"shipment","id":"shipment-1","properties":{"parcel":"p-1"}}]}`)
    await until('an attempt fails', async () => (await call('GET', '/deliveries?state=waiting')).result[0]?.error)
    await go('Deliveries')
    await desk.getByText('No dead letters').waitFor()
    await desk.getByRole('radiogroup', { name: 'State' }).getByText('Waiting').click()
    const row = desk.getByRole('article', { name: /^Delivery / })
    await row.getByText('answered 500 Internal Server Error: out of paper').waitFor()
    await row.getByText(/^\d+ attempts?, next /).waitFor()
    await examined('deliveries-waiting')

    shop.answer = { status: 422, text: 'no such article' }
    await until('it is given up', async () => (await call('GET', '/dead-letters')).total === 1)
    await desk.goto(`${base}/deliveries`)
    await row.getByRole('link', { name: 'Shipments to the till' }).or(row.getByText('Shipments to the till')).first().waitFor()
    await row.getByText('given up', { exact: true }).waitFor()
    const said = row.getByText('answered 422 Unprocessable Entity: no such article')
    await said.waitFor()
    await row.getByText('What is sent').click()
    await row.getByLabel('Body of the delivery').getByText('"p-1"').waitFor()
    await examined('deliveries-dead')
    await row.getByRole('link', { name: /^event/ }).click()
    const sent = became().filter({ hasText: 'A destination gets it' })
    await sent.getByText('no such article').waitFor()
    await sent.getByRole('button', { name: 'Send again' }).waitFor()
    await examined('event-not-delivered')
  })

  await step('when the receiver is mended, the dead letter is sent again and arrives', async () => {
    shop.answer = { status: 200, text: '' }
    const before = shop.got.length
    await go('Deliveries')
    const row = desk.getByRole('article', { name: /^Delivery / })
    await row.getByRole('button', { name: 'Send again' }).click()
    await desk.getByText('No dead letters').waitFor()
    await until('it is delivered', async () => (await call('GET', '/deliveries?state=delivered')).total === 1)
    await desk.getByRole('radiogroup', { name: 'State' }).getByText('Delivered').click()
    await row.getByText('delivered', { exact: true }).waitFor()
    await examined('deliveries-delivered')
    const [got, ...more] = shop.got.slice(before)
    if (got?.data?.parcel !== 'p-1' || more.length > 0) throw new Error(`the receiver got ${JSON.stringify([got, ...more])}`)
    await event('shipment-1')
    await became().filter({ hasText: 'A destination gets it' }).getByText('delivered', { exact: true }).waitFor()
  })
})
shop.close()
