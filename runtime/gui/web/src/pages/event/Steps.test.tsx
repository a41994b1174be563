import { MantineProvider } from '@mantine/core'
import { QueryClient, QueryClientProvider } from '@tanstack/react-query'
import type { ReactElement } from 'react'
import { renderToStaticMarkup } from 'react-dom/server'
import { MemoryRouter } from 'react-router'
import { afterEach, expect, it } from 'vitest'
import type { Change, Explanation } from '../../api/history'
import { login } from '../../auth/session'
import { ChangeList } from '../profile/Origins'
import { Steps } from './Steps'

const render = (element: ReactElement) =>
  renderToStaticMarkup(
    <MantineProvider>
      <QueryClientProvider client={new QueryClient()}>
        <MemoryRouter>{element}</MemoryRouter>
      </QueryClientProvider>
    </MantineProvider>,
  )
/** The text of a page without its elements. */
const words = (html: string) => html.replace(/<style[^>]*>.*?<\/style>/g, '').replace(/<[^>]+>/g, ' ').replace(/\s+/g, ' ').trim()
const admin = () => login.set({ token: 't', email: 'a', roles: ['admin'] })

afterEach(() => login.set(null))

const explanation: Explanation = {
  event: 'e',
  stored: true,
  valid: true,
  left_out: 3,
  steps: [
    { did: 'collected', by: { kind: 'event-source', id: 's 1', name: 'Shop' } },
    { did: 'erased', by: { kind: 'data-compliance', id: 'law', name: 'Law' }, field: 'properties.mail' },
    { did: 'changed', by: { kind: 'event-to-profile', id: 'm', name: 'Sizes' }, field: 'traits.size', value: 'L', old_value: 'S' },
    { did: 'changed', by: { kind: 'event-to-profile', id: 'm', name: 'Sizes' }, field: 'traits.gone', value: null, old_value: 'here' },
    { did: 'changed', by: { kind: 'event-to-profile', id: 'deleted', name: null }, field: 'traits.long', value: null, old_value: null, shortened: true },
    { did: 'not-started', by: { kind: 'rule', id: 'r', name: 'Greet' }, flow: 'f', reason: 'no consent' },
    { did: 'sent', by: { kind: 'destination', id: 'd', name: 'CRM' }, profile: false, delivery: { id: '1', state: 'dead', attempts: 2, error: 'gone', at: '2026-11-21T14:00:00Z' } },
    { did: 'warned', by: null, message: 'something else' },
  ],
}

it('the steps of an event stand in order, each with the record that did it', () => {
  admin()
  const html = render(<Steps explanation={explanation} />)
  const text = words(html)
  const expected = [
    'It was collected', 'Shop', 'A field was taken out', 'properties.mail', 'Law', 'It changed the profile', 'traits.size', 'S', 'L', 'traits.gone',
    'here', 'nothing any more', 'Sizes', 'too long to be kept', 'deleted', 'A workflow did not run', 'f: no consent', 'Greet', 'given up', 'gone', 'Send again',
    'CRM', 'could not be applied', 'something else', '3 more steps',
  ]
  let at = 0
  for (const piece of expected) {
    const found = text.indexOf(piece, at)
    expect(found, `${piece} after ${text.slice(0, at)}`).toBeGreaterThanOrEqual(0)
    at = found + piece.length
  }
  for (const link of ['/sources/s%201', '/configuration/event-to-profile/record/m', '/configuration/rule/record/r', '/configuration/destination/record/d']) {
    expect(html).toContain(`href="${link}"`)
  }
  expect(html).not.toContain('record/deleted')
})

it('who may not open a record gets its name only, and no button', () => {
  login.set({ token: 't', email: 'a', roles: ['marketer'] })
  const html = render(<Steps explanation={explanation} />)
  expect(html).toContain('/configuration/rule/record/r')
  expect(html).not.toContain('/configuration/destination/')
  expect(words(html)).toContain('CRM')
  expect(html).not.toContain('Send again')
})

it('the history of a field tells from what to what, by which event and record', () => {
  admin()
  const change: Change = { id: '1', timestamp: '2026-11-21 14:00:00.000000+00:00', event_id: 'event-number-1', field: 'traits.size', value: 'L', old_value: 'S', by: { kind: 'event-to-profile', id: 'm', name: 'Sizes' } }
  const html = render(<ChangeList changes={[change]} />)
  expect(words(html)).toMatch(/S.*L.*event.*Sizes/)
  expect(html).toContain('href="/events/event-number-1"')
})
