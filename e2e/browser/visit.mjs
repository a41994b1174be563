// A working day in the web application, in a real browser: log in by keyboard, watch events arrive while somebody shops,
// open a profile and an event, on a desktop and on a phone, in light and dark. The environment is that of day.mjs.
//
// Works against `tracardi standalone` just as well as against an installation in a cluster.
import { join } from 'node:path'
import { fits, weight } from './checks.mjs'
import { complaints, DESKTOP, PHONE } from './chromium.mjs'
import { api, base, day, email, folder, password, source } from './day.mjs'
import { forms } from './forms.mjs'
import { buy } from './shop.mjs'

const person = { email: 'ada@northmoor.example', firstname: 'Ada', lastname: 'Lovelace' }

await day(async ({ context, desk, wrong, step, forgive, go, examined }) => {
  await step('the login page comes up', async () => {
    await desk.goto(base)
    await desk.getByRole('heading', { level: 1, name: 'Log in' }).waitFor()
    await examined('login-desktop')
    return `${Math.round((await weight(desk)) / 1024)} kB over the wire`
  })

  await step('a wrong password is explained', async () => {
    await desk.getByLabel('E-mail').fill(email)
    await desk.getByLabel(/^Password/).first().fill('not the password')
    await desk.keyboard.press('Enter')
    await desk.getByRole('alert').waitFor()
    forgive('/user/token answered 400')
    return (await desk.getByRole('alert').innerText()).trim()
  })

  await step('log in by keyboard', async () => {
    await desk.reload()
    // The first field has the focus already.
    await desk.getByLabel('E-mail').waitFor()
    await desk.keyboard.type(email)
    await desk.keyboard.press('Tab')
    await desk.keyboard.type(password)
    await desk.keyboard.press('Enter')
    await desk.getByRole('heading', { level: 1, name: 'Overview' }).waitFor()
    await desk.getByText('Live', { exact: true }).filter({ visible: true }).last().waitFor()
  })

  await step('events arrive while somebody shops', async () => {
    await desk.getByRole('status').filter({ hasText: /^Live$/ }).waitFor()
    const before = await desk.locator('.event-row.arriving').count()
    if (before > 0) throw new Error(`${before} events arrived before anything happened`)
    const shop = await context.newPage()
    complaints(shop, wrong)
    const product = await buy(shop, `${base}/shop/?source=${encodeURIComponent(source)}&api=${encodeURIComponent(api)}`, person)
    await shop.setViewportSize(PHONE)
    await fits(shop, 'the shop on a phone')
    await shop.screenshot({ path: join(folder, 'shop-phone.png') })
    // Nobody reloads the page: the rows come over the live stream.
    await desk.locator('.event-row.arriving').first().waitFor()
    await desk.locator('.event-row').filter({ hasText: product }).first().waitFor()
    await shop.close()
    return `${await desk.locator('.event-row.arriving').count()} rows, among them ${product}`
  })

  await step('the overview', async () => {
    await desk.getByText('Events stored', { exact: true }).waitFor()
    await desk.locator('canvas').first().waitFor()
    await desk.waitForTimeout(600) // The chart is drawn in steps.
    await examined('overview-desktop')
  })

  await step('a profile', async () => {
    await go('Profiles')
    await desk.getByRole('link', { name: /Ada Lovelace/ }).first().click()
    await desk.getByRole('heading', { level: 1, name: 'Ada Lovelace' }).waitFor()
    await desk.getByText(person.email).first().waitFor()
    await desk.locator('.event-row').first().waitFor()
    await examined('profile-desktop')
    // Which event and which record wrote a field, and what was there before.
    await desk.getByRole('tab', { name: 'Origins' }).click()
    await desk.getByRole('button', { name: 'History of data.contact.email.main' }).click()
    await desk.getByRole('row').getByRole('listitem').filter({ hasText: person.email }).filter({ hasText: 'Predefined for' }).first().waitFor()
    await examined('origins-desktop')
    await desk.getByRole('tab', { name: 'Raw JSON' }).click()
    await desk.getByText('"ltcocc"').waitFor()
    return desk.url()
  })

  await step('an event, and the way to it by search', async () => {
    await go('Events')
    await desk.getByRole('combobox', { name: 'Search events' }).fill('type = "checkout-completed"')
    await desk.keyboard.press('Enter')
    const rows = desk.locator('.event-row')
    await rows.first().waitFor()
    await desk.waitForFunction(() => document.querySelectorAll('.event-row').length === 1)
    await examined('events-desktop')
    await rows.first().click()
    await desk.getByRole('heading', { level: 1 }).waitFor()
    await desk.getByRole('tab', { name: 'Raw JSON' }).waitFor()
    // What became of it: it was collected from the source, and counted in the profile.
    const became = desk.getByRole('region', { name: 'What became of it' }).getByRole('listitem')
    await became.filter({ hasText: 'It was collected' }).waitFor()
    await became.filter({ hasText: 'It changed the profile' }).filter({ hasText: 'data.metrics.ltcocc' }).first().waitFor()
    await examined('event-desktop')
    await desk.getByRole('tab', { name: 'Raw JSON' }).click()
    await desk.getByText('"checkout-completed"').first().waitFor()
  })

  await step('an event source and its snippet', async () => {
    await go('Event sources')
    await examined('sources-desktop')
    await desk.getByRole('link', { name: new RegExp(source) }).first().click()
    await desk.getByText(source).first().waitFor()
    const snippet = desk.locator('pre, code').filter({ hasText: 'tracker' }).first()
    await snippet.waitFor()
    const code = await snippet.innerText()
    if (!code.includes(source)) throw new Error(`the snippet does not name the source: ${code}`)
    await examined('source-desktop')
  })

  await step('a record of the configuration: made, refused at its field, in force, removed', async () => {
    await go('Configuration')
    await examined('configuration-desktop')
    await desk.getByRole('link', { name: /^Validation/ }).click()
    await desk.getByRole('heading', { level: 1, name: 'Validation' }).waitFor()
    await examined('records-desktop')
    await desk.getByRole('link', { name: 'New validation' }).click()
    await desk.getByLabel(/^Name/).fill('Spring orders')
    await desk.getByRole('combobox', { name: /^Event type/ }).fill('spring-order')
    await desk.getByRole('button', { name: 'Check a value' }).click()
    await desk.getByLabel(/^Value/).fill('event@properties.sum')
    await desk.getByLabel(/^Schema/).last().fill('{ "type": "strin" }')
    await desk.getByRole('button', { name: 'Create' }).click()
    await desk.getByRole('alert').filter({ hasText: 'It was not saved' }).waitFor()
    forgive('/event-validator answered 422')
    await desk.locator('.complaint').first().waitFor()
    const said = (await desk.locator('.complaint').first().innerText()).trim()
    await examined('record-refused')
    await desk.getByLabel(/^Schema/).last().fill('{ "type": "string" }')
    await desk.getByRole('button', { name: 'Create' }).click()
    await desk.getByRole('heading', { level: 1, name: 'Spring orders' }).waitFor()
    await examined('record-desktop')
    await desk.getByRole('button', { name: 'Delete' }).click()
    await desk.getByRole('dialog').getByRole('button', { name: 'Delete' }).click()
    await desk.getByRole('heading', { level: 1, name: 'Validation' }).waitFor()
    if ((await desk.getByRole('link', { name: /Spring orders/ }).count()) > 0) throw new Error('the record is still listed')
    return said
  })

  await step('each kind of record, made by its form and removed', async () => {
    const kinds = Object.entries(forms(desk))
    const made = []
    for (const [kind, fill] of kinds) {
      await desk.goto(`${base}/configuration/${kind}/new`)
      await desk.getByRole('button', { name: 'Create' }).waitFor()
      await fill()
      await desk.getByRole('button', { name: 'Create' }).click()
      await desk.waitForURL(/\/record\//)
      made.push(desk.url())
    }
    // The other way round: what something needs goes after it.
    for (const address of made.reverse()) {
      await desk.goto(address)
      await desk.getByRole('button', { name: 'Delete' }).click()
      await desk.getByRole('dialog').getByRole('button', { name: 'Delete' }).click()
      await desk.waitForURL(/\/configuration\/[a-z-]+$/)
    }
    return `${kinds.length} kinds`
  })

  await step('what goes out', async () => {
    await go('Deliveries')
    await desk.getByText('No dead letters').waitFor()
    await examined('deliveries-desktop')
  })

  await step('the same on a phone', async () => {
    await desk.setViewportSize(PHONE)
    await go('Overview')
    await desk.locator('.event-row').first().waitFor()
    await desk.waitForTimeout(600)
    await examined('overview-phone')
    await go('Profiles')
    await desk.getByRole('link', { name: /Ada Lovelace/ }).first().click()
    await desk.getByRole('heading', { level: 1, name: 'Ada Lovelace' }).waitFor()
    await desk.locator('.event-row').first().waitFor()
    await examined('profile-phone')
    await desk.setViewportSize(DESKTOP)
  })

  await step('the same in the dark', async () => {
    await desk.emulateMedia({ colorScheme: 'dark' })
    await go('Overview')
    await desk.locator('.event-row').first().waitFor()
    await desk.waitForTimeout(600)
    await examined('overview-dark')
    await desk.emulateMedia({ colorScheme: 'light' })
  })

  await step('a reload keeps the login, and logging out ends it', async () => {
    await desk.reload()
    await desk.getByRole('heading', { level: 1, name: 'Overview' }).waitFor()
    await desk.getByRole('button', { name: /^Account of/ }).click()
    if (wrong.length > 0) throw new Error('complaints before logging out')
    await desk.getByRole('menuitem', { name: 'Log out' }).click()
    await desk.getByRole('heading', { level: 1, name: 'Log in' }).waitFor()
    await desk.reload()
    await desk.getByRole('heading', { level: 1, name: 'Log in' }).waitFor()
    // What the page was asking for when the login ended.
    forgive('answered 401')
  })
})
