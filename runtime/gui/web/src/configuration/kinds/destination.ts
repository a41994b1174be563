import { IconSend } from '@tabler/icons-react'
import type { JsonObject } from '../../api/types'
import { at, steps, textOf } from '../draft'
import type { Kind } from '../kind'
import { about, TAGS } from './shared'
import { CONNECTORS, connectorLabel, HTTP, sentTo } from './transports'

const ofEvents = (record: JsonObject): boolean => record.on_profile_change_only === false

const EXCHANGES = ['direct', 'fanout', 'topic', 'headers'].map(value => ({ value, label: value }))
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
        { path: 'destination.package', label: 'Sent by', help: 'What the resource is', type: 'choice', options: CONNECTORS },
        { path: 'destination.init.method', label: 'Method', help: 'GET sends the data as parameters', type: 'choice', options: METHODS, absent: 'get', when: sentTo('api') },
        {
          path: 'destination.init.topic',
          label: 'Topic',
          help: 'All that is for one profile has the same key, and stays in order',
          type: 'text',
          placeholder: 'profiles',
          code: true,
          required: true,
          when: sentTo('kafka', 'mqtt', 'apache-pulsar'),
        },
        { path: 'destination.init.stream', label: 'Stream', type: 'text', placeholder: 'profiles', code: true, required: true, when: sentTo('redis') },
        { path: 'destination.init.max_length', label: 'Entries to keep', help: 'About so many; empty: all', type: 'number', min: 1, when: sentTo('redis') },
        { path: 'destination.init.queue.name', label: 'Queue', help: 'And exchange: both have this name', type: 'text', placeholder: 'profiles', code: true, required: true, when: sentTo('rabbitmq') },
        { path: 'destination.init.queue.routing_key', label: 'Routing key', type: 'text', placeholder: 'routing', code: true, when: sentTo('rabbitmq') },
        { path: 'destination.init.queue.queue_type', label: 'Kind of exchange', type: 'choice', options: EXCHANGES, absent: 'direct', when: sentTo('rabbitmq') },
        { path: 'destination.init.queue.auto_declare', label: 'Make queue and exchange', help: 'When they are not there', type: 'switch', absent: true, when: sentTo('rabbitmq') },
        { path: 'destination.init.timeout', label: 'Seconds to wait for an answer', type: 'number', min: 1, placeholder: '30' },
        {
          path: 'destination.init.headers',
          label: 'Headers',
          type: 'pairs',
          names: { label: 'Header', placeholder: 'x-team' },
          values: { label: 'Content', placeholder: 'marketing' },
          add: 'Add a header',
          when: sentTo('api'),
        },
        {
          path: 'destination.init.cookies',
          label: 'Cookies',
          type: 'pairs',
          names: { label: 'Cookie', placeholder: 'session' },
          values: { label: 'Content', placeholder: 'abc' },
          add: 'Add a cookie',
          when: sentTo('api'),
        },
        {
          path: 'destination.init.ssl_check',
          label: 'Check the certificate',
          help: 'Off only for a server of your own that has none',
          type: 'switch',
          absent: true,
          when: sentTo('api'),
        },
      ],
    },
  ],
  gist: record => {
    const method = (textOf(at(record, steps('destination.init.method'))) || 'get').toUpperCase()
    return `${ofEvents(record) ? 'Events' : 'Changed profiles'} by ${sentTo('api')(record) ? method : connectorLabel(record)}`
  },
}
