// How a person fills the form of each kind of configuration record: the least that makes one. In an order in which what one
// needs is there already.

const TYPE = 'made-by-form'

/** Each kind: its address, and what is typed and chosen. */
export function forms(page) {
  const box = name => page.getByRole('textbox', { name })
  const name = text => box(/^Name/).fill(text)
  const type = () => page.getByRole('combobox', { name: /^Event type/ }).fill(TYPE)
  const add = label => page.getByRole('button', { name: label }).click()
  const choose = async (field, option) => {
    await page.getByRole('combobox', { name: field }).click()
    const options = page.getByRole('option', { name: option }).filter({ visible: true })
    await options.first().click()
  }
  const source = () => choose(/^Event source/, /./)

  return {
    'event-type-mapping': async () => {
      await type()
      await name('Made by form')
      await add('Copy a value')
      await box(/^Write to/).fill('traits.a')
      await box(/^the value of/).fill('properties.a')
    },
    'event-validator': async () => {
      await name('Check')
      await type()
      await add('Check a value')
      await box(/^Value/).fill('event@properties.a')
      await box(/^Schema/).fill('{"type": "string"}')
    },
    'event-reshaping': async () => {
      await name('Shape')
      await type()
      await source()
      await box(/^Properties/).fill('{"a": "event@properties.a"}')
    },
    redirect: async () => {
      await name('Link')
      await box(/^Leads to/).fill('https://shop.example.com/')
      await source()
      await type()
    },
    'event-to-profile': async () => {
      await name('Level')
      await type()
      await add('Add a value')
      await box(/^From the event/).fill('gold')
      await add(/Take a fixed text/)
      await choose(/^How/, 'Fills if empty')
      await box(/^On the profile/).fill('traits.level')
    },
    'identification-point': async () => {
      await name('Card')
      await type()
      await add('Add a value')
      await box(/^The event/).fill('properties.card')
      await box(/^is the profile/).fill('traits.card')
    },
    segment: async () => {
      await name('Regulars')
      await box(/^Condition/).fill('profile@stats.visits > 1000')
    },
    'consent-type': async () => {
      await name('Made by form')
      await page.getByRole('switch', { name: 'A consent ends by itself' }).check()
      await box(/^After/).fill('30d')
    },
    'data-compliance': async () => {
      await name('Addresses')
      await type()
      await add('Protect a field')
      await box(/^Field/).fill('properties.mail')
      await choose(/^Without consent/, 'Hash it')
      await choose(/^Needs consent/, 'Made by form')
      await page.keyboard.press('Escape')
    },
    resource: async () => {
      await name('Made by form')
      await box(/^Address/).first().fill('https://crm.example.com/in')
      await page.getByLabel('Password').first().fill('a secret')
    },
    destination: async () => {
      await name('To the CRM')
      await choose(/^It is told of/, 'Events')
      await type()
      await box(/^Data/).fill('{"a": "event@properties.a"}')
      await choose(/^Resource/, 'Made by form')
    },
    rule: async () => {
      await type()
      await source()
      await box(/^Workflow/).fill('no-such-workflow')
    },
  }
}
