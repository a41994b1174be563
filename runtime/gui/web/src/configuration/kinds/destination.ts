import { IconSend } from '@tabler/icons-react'
import type { JsonObject } from '../../api/types'
import { at, steps, textOf } from '../draft'
import type { Kind } from '../kind'
import { about, TAGS } from './shared'

/** The connector that sends HTTP requests, as the API names it. */
const HTTP = 'tracardi.process_engine.destination.http_connector.HttpConnector'

const ofEvents = (record: JsonObject): boolean => record.on_profile_change_only === false

const METHODS = ['post', 'put', 'patch', 'get', 'delete'].map(value => ({ value, label: value.toUpperCase() }))

export const destination: Kind = {
  id: 'destination',
  label: 'Destinations',
  one: 'destination',
  group: 'Actions',
  icon: IconSend,
  right: 'configure',
  sentence: 'Sends events, or profiles that have changed, to a resource.',
  example: 'Each time a profile changes, the CRM gets its name and e-mail address.',
  path: { one: '/destination', all: '/destinations/by_tag' },
  blank: {
    name: '', description: '', enabled: true, tags: [], on_profile_change_only: true, event_type: null, source: { id: '', name: '' },
    resource: { id: '' }, condition: '', mapping: {},
    destination: { package: HTTP, init: { method: 'post', timeout: 30, headers: { 'content-type': 'application/json' }, cookies: {}, ssl_check: true }, form: {}, pro: false },
  },
  switchable: true,
  sections: [
    about(TAGS),
    {
      title: 'What is sent, and when',
      fields: [
        {
          path: 'on_profile_change_only',
          label: 'It is told of',
          type: 'choice',
          absent: true,
          options: [
            { value: true, label: 'New and changed profiles' },
            { value: false, label: 'Events' },
          ],
        },
        { path: 'event_type', label: 'Event type', type: 'event-type', named: true, required: true, when: ofEvents },
        { path: 'source', label: 'Event source', type: 'entity', of: 'event-source', any: 'Every source', when: ofEvents },
        { path: 'condition', label: 'Only if', help: 'Empty: always', type: 'condition', placeholder: 'profile@data.contact.email.main EXISTS' },
        {
          path: 'mapping',
          label: 'Data',
          help: 'A template: texts may be references to profile@, session@ and, for events, event@',
          type: 'json',
          placeholder: '{\n  "name": "profile@data.pii.firstname",\n  "email": "profile@data.contact.email.main"\n}',
        },
      ],
    },
    {
      title: 'Where it goes',
      fields: [
        { path: 'resource', label: 'Resource', type: 'entity', of: { kind: 'resource' }, required: true },
        { path: 'destination.init.method', label: 'Method', help: 'GET sends the data as parameters', type: 'choice', options: METHODS, absent: 'get' },
        { path: 'destination.init.timeout', label: 'Seconds to wait for an answer', type: 'number', min: 1, placeholder: '30' },
        {
          path: 'destination.init.headers',
          label: 'Headers',
          type: 'pairs',
          names: { label: 'Header', placeholder: 'x-team' },
          values: { label: 'Content', placeholder: 'marketing' },
          add: 'Add a header',
        },
        {
          path: 'destination.init.cookies',
          label: 'Cookies',
          type: 'pairs',
          names: { label: 'Cookie', placeholder: 'session' },
          values: { label: 'Content', placeholder: 'abc' },
          add: 'Add a cookie',
        },
        { path: 'destination.init.ssl_check', label: 'Check the certificate', help: 'Off only for a server of your own that has none', type: 'switch', absent: true },
      ],
    },
  ],
  gist: record => {
    const method = (textOf(at(record, steps('destination.init.method'))) || 'get').toUpperCase()
    return `${ofEvents(record) ? 'Events' : 'Changed profiles'} by ${method}`
  },
}
