import { IconLink } from '@tabler/icons-react'
import { textOf } from '../draft'
import type { Kind } from '../kind'
import { about, TAGS } from './shared'

export const redirect: Kind = {
  id: 'redirect',
  label: 'Redirected links',
  one: 'redirected link',
  group: 'Events',
  icon: IconLink,
  right: 'configure',
  sentence: 'A link that makes an event when somebody follows it, and leads on to your page.',
  example: 'The link in the spring newsletter makes a “newsletter-clicked” event and leads to the offers.',
  path: { one: '/event-redirect', all: '/event-redirect/list' },
  blank: { name: '', description: '', url: '', source: { id: '', name: '' }, event_type: '', props: {}, tags: [] },
  address: { path: '/redirect/', label: 'The link' },
  switchable: false,
  sections: [
    about(
      { path: 'url', label: 'Leads to', type: 'text', placeholder: 'https://shop.example.com/spring', required: true, code: true },
      TAGS,
    ),
    {
      title: 'Event',
      fields: [
        { path: 'source', label: 'Event source', help: 'One that admits redirects', type: 'entity', of: 'event-source', required: true },
        { path: 'event_type', label: 'Event type', help: 'What the event is called', type: 'event-type', named: false, required: true },
        {
          path: 'props',
          label: 'Properties',
          help: 'A template; payload@params holds the parameters of the link',
          type: 'json',
          placeholder: '{\n  "campaign": "spring",\n  "version?": "payload@params.version"\n}',
        },
      ],
    },
  ],
  gist: record => textOf(record.url),
}
