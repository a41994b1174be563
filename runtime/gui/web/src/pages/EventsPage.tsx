import { Card, Group } from '@mantine/core'
import { EventPages } from '../components/EventPages'
import { PageHead } from '../components/PageHead'
import { RangePicker } from '../components/RangePicker'
import { SearchBox } from '../components/SearchBox'
import { rangeByKey } from '../lib/range'
import { EVENT_FIELDS, searchFor } from '../lib/search'
import { useTitle } from '../lib/useTitle'
import { useUrlState } from '../lib/useUrlState'

/** Stored events: by time and by what they contain. */
export default function EventsPage() {
  useTitle('Events')
  const [rangeKey, setRange] = useUrlState('range', '24h')
  const [search, setSearch] = useUrlState('search')
  const range = rangeByKey(rangeKey, '24h')
  return (
    <>
      <PageHead title="Events" subtitle="Everything that was collected, newest first." />
      <Card className="card-shadow">
        <Group gap="sm" mb="xs">
          <SearchBox
            index="event"
            value={search}
            onChange={setSearch}
            label="Search events"
            placeholder="Search by type, page, product or id"
            example={'type = "page-view" AND hit.url = "*shoes*"'}
          />
          <RangePicker value={range.key} onChange={setRange} withAll />
        </Group>
        <EventPages
          range={range}
          where={searchFor(search, EVENT_FIELDS)}
          empty={search ? 'Nothing in this range matches the search.' : 'Nothing was collected in this range. A longer one may show more.'}
        />
      </Card>
    </>
  )
}
