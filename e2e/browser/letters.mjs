// A day with requests that the queue of a larger installation gave up, in a real browser: seen with the reason and what was sent,
// carried out again in vain and for good, discarded. The environment is that of day.mjs; nothing is given up yet.
import { privateApi, send, track, until } from './calls.mjs'
import { base, day, logIn, source } from './day.mjs'

const call = await privateApi()
const order = (session, total) =>
  `{"source":{"id":${JSON.stringify(source)}},"session":{"id":"${session}"},"events":[{"type":"order","id":"wanted-twice","properties":{"total":${total}}}]}`
const letters = () => call('GET', '/queue/dead-letters')
/** No tree of this number is the same. */
const SECOND = order('day-second', '12345678901234567890')

await day(async ({ desk, step, go, examined }) => {
  const rows = desk.getByRole('listitem', { name: /^Request / })
  const outcome = desk.getByRole('main').getByRole('status')
  const look = async () => {
    await desk.goto(`${base}/requests`)
    await desk.getByRole('heading', { level: 1, name: 'Given up requests' }).waitFor()
  }

  await step('log in', () => logIn(desk))

  await step('nothing was given up', async () => {
    await go('Configuration')
    await desk.getByRole('link', { name: /^Given up requests/ }).click()
    await desk.getByRole('heading', { level: 1, name: 'Given up requests' }).waitFor()
    await desk.getByText('Every request was carried out').waitFor()
    await examined('letters-empty')
  })

  await step('a request that was given up: why, and what was sent, to the digit', async () => {
    await track(order('day-first', '1.50'))
    await until('the first is stored', () => call('GET', '/event/wanted-twice').catch(() => null))
    await send('/track', SECOND)
    await until('the second is given up', async () => (await letters()).total === 1)
    await look()
    await rows.getByText('belongs to another event').waitFor()
    await rows.getByText('order', { exact: true }).waitFor()
    await rows.getByText('What was sent').click()
    const text = await rows.getByLabel(/^What was sent in request/).innerText()
    if (text.replaceAll(/\s/g, '') !== SECOND) throw new Error(`the request is shown as ${text}`)
    await examined('letters')
  })

  await step('carried out again in vain, it comes back', async () => {
    const before = (await letters()).result[0].id
    await rows.getByRole('button', { name: 'Carry out again' }).click()
    await outcome.filter({ hasText: /^1 waits in the queue again/ }).waitFor()
    await until('it comes back', async () => {
      const { total, result } = await letters()
      return total === 1 && result[0].id !== before
    })
    await look()
    await rows.getByText('belongs to another event').waitFor()
  })

  await step('one that was mended is carried out', async () => {
    const visit = session => `{"source":{"id":${JSON.stringify(source)}},"session":{"id":"${session}"}`
    const { profile } = await track(`${visit('day-third')},"events":[{"type":"visit"}]}`)
    const id = profile.id
    await until('the profile is stored', () => call('GET', `/profile/${id}`).catch(() => null))
    await send('/customer/consent', `${visit('day-fourth')},"profile":{"id":"${id}"},"consents":{"news":true}}`)
    await until('the decision is given up', async () => (await letters()).total === 2)
    await track(`${visit('day-fourth')},"profile":{"id":"${id}"},"events":[{"type":"visit"}]}`)
    await until('the session is stored', () => call('GET', '/session/day-fourth').catch(() => null))
    await look()
    await rows.filter({ hasText: 'A decision about consents' }).getByText('Access denied').waitFor()
    await examined('letters-two')
    await desk.getByRole('button', { name: 'Carry all out again' }).click()
    await outcome.filter({ hasText: /^2 wait in the queue again/ }).waitFor()
    await until('the decision counts', async () => (await call('GET', `/profile/${id}`)).consents.news)
    await until('the other one comes back', async () => (await letters()).total === 1)
  })

  await step('what nobody needs is discarded', async () => {
    await look()
    await rows.getByRole('button', { name: 'Discard' }).click()
    await examined('letters-discard')
    await desk.getByRole('dialog').getByRole('button', { name: 'Discard' }).click()
    await desk.getByText('Every request was carried out').waitFor()
    if ((await letters()).total !== 0) throw new Error('it is still there')
  })
})
