// What every page must fulfil, whatever it shows.
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

/** Fails on what keeps people out: labels, contrast, roles, names (axe-core, WCAG 2.2 A and AA). */
export async function accessible(page, where) {
  // Through the debugger rather than a script element: the page's content security policy stays as it is.
  await page.evaluate(axe)
  const violations = await page.evaluate(async () => {
    const tags = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa']
    const found = await window.axe.run(document, { runOnly: { type: 'tag', values: tags }, resultTypes: ['violations'] })
    return found.violations.map(({ id, impact, help, nodes }) => `${impact} ${id}: ${help}: ${nodes.map(node => node.target.join(' ')).slice(0, 3).join(', ')}`)
  })
  if (violations.length > 0) throw new Error(`${where} is not accessible: ${violations.join('; ')}`)
}

/** Fails when the page is wider than the window. */
export async function fits(page, where) {
  const { wide, window: width, who } = await page.evaluate(() => ({
    wide: document.documentElement.scrollWidth,
    window: window.innerWidth,
    who: [...document.querySelectorAll('body *')]
      .filter(element => element.getBoundingClientRect().right > window.innerWidth + 1)
      .slice(0, 3)
      .map(element => `${element.tagName.toLowerCase()}.${element.className}`),
  }))
  if (wide > width) throw new Error(`${where} is ${wide} pixels wide in a window of ${width}: ${who.join(', ')}`)
}

/** Bytes that came over the wire for the page as it is now. */
export async function weight(page) {
  return page.evaluate(() =>
    [...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')].reduce((sum, entry) => sum + (entry.transferSize ?? 0), 0),
  )
}
