// A visitor of the demo shop: looks, searches, buys.

/** Goes through the shop at `url` as `person`; gives back the name of the product that was bought. */
export async function buy(page, url, person) {
  await page.goto(url)
  await page.getByRole('heading', { level: 1 }).first().waitFor()
  await page.getByRole('searchbox', { name: 'Search the shop' }).fill('boot')
  await page.keyboard.press('Enter')
  await page.waitForURL(/q=boot/)
  await page.getByRole('link', { name: 'Northmoor' }).first().click()

  const card = page.locator('#goods a').first()
  const product = await card.getByRole('heading').innerText()
  await card.click()
  await page.getByRole('button', { name: 'Put into the basket' }).click()
  await stored(page)
  await page.goto(new URL('checkout.html', page.url()).href)
  for (const [label, value] of Object.entries({
    'E-mail': person.email,
    'First name': person.firstname,
    'Last name': person.lastname,
    Street: '1 Analytical Row',
    Postcode: '12345',
    Town: 'Marylebone',
  })) {
    await page.getByLabel(label, { exact: true }).fill(value)
  }
  await page.getByRole('button', { name: 'Buy for nothing' }).click()
  await page.getByRole('heading', { name: `Thank you, ${person.firstname}` }).waitFor()
  await stored(page)
  return product
}

/** Waits until the shop's own panel says that every event was acknowledged. */
async function stored(page) {
  const panel = page.getByRole('complementary', { name: 'Tracked events' })
  await page.waitForFunction(
    box => {
      const items = [...box.querySelectorAll('li')]
      const problem = box.querySelector('p')
      if (problem && !problem.hidden) throw new Error(problem.textContent)
      return items.length > 0 && items.every(item => item.className === 'stored')
    },
    await panel.elementHandle(),
  )
}
