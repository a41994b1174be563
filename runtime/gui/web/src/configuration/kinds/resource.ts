import { IconServer } from '@tabler/icons-react'
import type { Field, FormSection, Kind } from '../kind'
import { about, TAGS } from './shared'
import { ofType, typeLabel, TYPES } from './transports'

const SECURITY = ['PLAINTEXT', 'SSL', 'SASL_PLAINTEXT', 'SASL_SSL'].map(value => ({ value, label: value }))
const MECHANISMS = ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512'].map(value => ({ value, label: value }))
const BROKERS = ['kafka', 'rabbitmq', 'mqtt', 'apache-pulsar', 'redis']

const credentials = (use: 'production' | 'test', title: string, hint: string): FormSection => {
  const field = (name: string): string => `credentials.${use}.${name}`
  const address = (name: string, label: string, placeholder: string, help?: string): Field => {
    return { path: field(name), label, help, type: 'text', placeholder, code: true, required: use === 'production' }
  }
  return {
    title,
    hint,
    fields: [
      {
        ...address('url', 'Address', 'https://crm.example.com/api', 'For a broker host:port; mqtts:// or rediss:// in front of it means TLS'),
        when: ofType('api', 'mqtt', 'redis'),
      },
      { ...address('bootstrap_servers', 'Brokers', 'kafka-1.example.com:9092, kafka-2.example.com:9092'), when: ofType('kafka') },
      { ...address('uri', 'Broker', 'amqps://rabbit.example.com'), when: ofType('rabbitmq') },
      { ...address('host', 'Service', 'pulsar+ssl://pulsar.example.com:6651'), when: ofType('apache-pulsar') },
      { path: field('virtual_host'), label: 'Virtual host', type: 'text', placeholder: '/', code: true, when: ofType('rabbitmq') },
      { path: field('security_protocol'), label: 'Protection', type: 'choice', options: SECURITY, absent: 'PLAINTEXT', when: ofType('kafka') },
      { path: field('sasl_mechanism'), label: 'How to log in', type: 'choice', options: MECHANISMS, absent: 'PLAIN', when: ofType('kafka') },
      { path: field('username'), label: 'User', help: 'If it asks for a name and a password', type: 'text', when: ofType('api', 'kafka', 'rabbitmq', 'mqtt', 'redis') },
      { path: field('password'), label: 'Password', type: 'secret', when: ofType('api', 'kafka', 'rabbitmq', 'mqtt', 'redis') },
      { path: field('token'), label: 'Token', type: 'secret', when: ofType('apache-pulsar') },
      { path: field('database'), label: 'Database', help: 'Its number', type: 'number', min: 0, placeholder: '0', when: ofType('redis') },
      {
        path: field('ca'),
        label: 'Authorities',
        help: 'Certificates (PEM) that the broker is known by; empty: those that the web knows',
        type: 'paragraph',
        placeholder: '-----BEGIN CERTIFICATE-----',
        when: ofType(...BROKERS),
      },
    ],
  }
}

export const resource: Kind = {
  id: 'resource',
  label: 'Resources',
  one: 'resource',
  group: 'Actions',
  icon: IconServer,
  right: 'configure',
  sentence: 'A system outside to which data goes, and the credentials for it.',
  example: 'The CRM at https://crm.example.com/api, with a user and a password.',
  path: { one: '/resource', all: '/resources/by_type' },
  blank: {
    name: '', description: '', type: 'api', credentials: { production: {}, test: {} }, tags: ['api', 'destination'], groups: [],
    icon: null, destination: null, enabled: true,
  },
  switchable: true,
  sections: [
    about(
      { path: 'type', label: 'Type', type: 'choice', options: TYPES },
      TAGS,
    ),
    credentials('production', 'Access', 'Kept sealed; shown on this page only'),
    credentials('test', 'Access for tests', 'Takes the place of the other one for events that are marked as debugging'),
  ],
  gist: record => typeLabel(record.type),
}
