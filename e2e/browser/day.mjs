// What the days in the browser have in common: where the installation is, a desk to work at, and steps that are told.
//
// Environment: BASE_URL of the web application (http://127.0.0.1:8787), PUBLIC_URL of the public API (http://127.0.0.1:8585),
// EMAIL and PASSWORD of an administrator, SOURCE (demo-shop), ARTIFACTS for screenshots, CHROMIUM.
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { accessible, fits } from './checks.mjs'
import { complaints, start } from './chromium.mjs'

export const base = (process.env.BASE_URL ?? 'http://127.0.0.1:8787').replace(/\/+$/, '')
export const api = (process.env.PUBLIC_URL ?? 'http://127.0.0.1:8585').replace(/\/+$/, '')
export const source = process.env.SOURCE ?? 'demo-shop'
export const folder = process.env.ARTIFACTS ?? 'artifacts'
export const [email, password] = ['EMAIL', 'PASSWORD'].map(name => {
  if (!process.env[name]) throw new Error(`set ${name} to that of an administrator`)
  return process.env[name]
})

/** Playwright colours what it says; a test's log is read as plain text. */
const plain = text => text.replaceAll(/\u001b\[[0-9;]*m/g, '')

/** Works at a desk; says what went wrong, in the end also what pages complained about, and fails then. */
export async function day(work) {
  mkdirSync(folder, { recursive: true })
  const { browser, context } = await start()
  const desk = await context.newPage()
  const wrong = complaints(desk)

  async function step(what, work) {
    const began = Date.now()
    try {
      const said = await work()
      console.log(`${((Date.now() - began) / 1000).toFixed(1).padStart(5)} s  ${what}${said ? `: ${said}` : ''}`)
    } catch (error) {
      for (const [index, page] of context.pages().entries()) {
        await page.screenshot({ path: join(folder, `failed-${index}.png`) }).catch(() => undefined)
      }
      throw new Error([`${what}: ${plain(error.message)}`, ...wrong].join('\n'))
    }
  }

  /** Takes complaints back that a step provokes. */
  const forgive = text => wrong.splice(0, wrong.length, ...wrong.filter(line => !line.includes(text)))

  /** Goes to a room by the navigation. */
  const go = async (room, heading = room) => {
    await desk.getByRole('navigation', { name: 'Main' }).filter({ visible: true }).getByRole('link', { name: room }).click()
    await desk.getByRole('heading', { level: 1, name: heading }).waitFor()
  }

  /** Takes a picture, and notes what keeps people out; the day goes on, and fails at its end. */
  const examined = async name => {
    await desk.screenshot({ path: join(folder, `${name}.png`) })
    for (const check of [accessible, fits]) await check(desk, name).catch(error => wrong.push(plain(error.message)))
  }

  try {
    await work({ context, desk, wrong, step, forgive, go, examined })
    await step('nothing was complained about', async () => {
      if (wrong.length > 0) throw new Error('see below')
    })
  } catch (error) {
    console.error(`failed: ${error.message}`)
    process.exitCode = 1
  } finally {
    await browser.close()
  }
}

/** Logs in at the web application as somebody who begins to work. */
export async function logIn(desk) {
  await desk.goto(base)
  await desk.getByLabel('E-mail').fill(email)
  await desk.getByLabel(/^Password/).first().fill(password)
  await desk.keyboard.press('Enter')
  await desk.getByRole('heading', { level: 1, name: 'Overview' }).waitFor()
}
