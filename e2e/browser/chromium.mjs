// A real Chromium that talks to nobody but the pages it is shown.
import { existsSync } from 'node:fs'
import { chromium } from 'playwright-core'

const PLACES = [process.env.CHROMIUM, '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome']

// As a person's browser names itself, for the pages that show what visitors use.
const USER_AGENT = 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36'

export const DESKTOP = { width: 1440, height: 900 }
export const PHONE = { width: 390, height: 844 }

/** Starts the browser; gives back it and a fresh context without cookies or storage. */
export async function start() {
  const executablePath = PLACES.find(path => path && existsSync(path))
  if (!executablePath) throw new Error('there is no Chromium on this machine: `apt-get install chromium`, or set CHROMIUM to its path')
  const browser = await chromium.launch({
    executablePath,
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
  })
  const context = await browser.newContext({ viewport: DESKTOP, userAgent: USER_AGENT, locale: 'en-GB', colorScheme: 'light', reducedMotion: 'reduce' })
  context.setDefaultTimeout(15_000)
  return { browser, context }
}

/** Notes everything that a page complains about: errors in scripts, refused content, requests that failed or were refused. */
export function complaints(page, list = []) {
  page.on('pageerror', error => list.push(`script: ${error.message}`))
  page.on('console', message => {
    // What the server refused is noted below, with its address.
    if (message.type() === 'error' && !message.text().startsWith('Failed to load resource')) list.push(`console: ${message.text()}`)
  })
  page.on('requestfailed', request => {
    const reason = request.failure()?.errorText ?? 'failed'
    // Leaving a page ends what it was still asking for, the live stream above all.
    if (reason !== 'net::ERR_ABORTED') list.push(`${request.method()} ${request.url()}: ${reason}`)
  })
  page.on('response', response => response.status() >= 400 && list.push(`${response.url()} answered ${response.status()}`))
  return list
}
