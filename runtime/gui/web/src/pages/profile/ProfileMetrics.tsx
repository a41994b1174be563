import { Card, SimpleGrid, Text } from '@mantine/core'
import type { ReactNode } from 'react'
import type { ProfileDocument } from '../../api/types'
import { When } from '../../components/When'
import { money, number } from '../../lib/format'
import { visitsOf } from '../../lib/profile'

/** The figures of a person: visits, checkouts and their values over the lifetime. */
export function ProfileMetrics({ profile }: { profile: ProfileDocument }) {
  const metrics = profile.data?.metrics
  const visit = profile.metadata?.time?.visit
  const started = metrics?.ltcosc ?? 0
  const completed = metrics?.ltcocc ?? 0
  return (
    <SimpleGrid cols={{ base: 2, sm: metrics?.ltv ? 3 : 4, lg: metrics?.ltv ? 5 : 4 }} spacing={{ base: 'sm', sm: 'lg' }}>
      <Metric label="Visits" value={number(visitsOf(profile))} hint={<>last <When time={visit?.current ?? visit?.last ?? profile.metadata?.time?.update} /></>} />
      <Metric label="Checkouts started" value={number(started)} hint={`worth ${money(metrics?.ltcosv ?? 0)}`} />
      <Metric label="Checkouts completed" value={number(completed)} hint={`worth ${money(metrics?.ltcocv ?? 0)}`} />
      <Metric
        label="Completion"
        value={started > 0 ? `${Math.min(100, Math.round((completed / started) * 100))} %` : '–'}
        hint="of started checkouts"
      />
      {/* Only workflows set it: most installations have none, and a zero would read as "bought nothing". */}
      {metrics?.ltv ? <Metric label="Lifetime value" value={money(metrics.ltv) ?? '–'} hint="as computed by workflows" /> : null}
    </SimpleGrid>
  )
}

function Metric({ label, value, hint }: { label: string; value: string; hint: ReactNode }) {
  return (
    <Card className="card-shadow" padding="md">
      <Text size="sm" c="dimmed">
        {label}
      </Text>
      <Text fz={24} fw={650} lh={1.4} className="number">
        {value}
      </Text>
      <Text size="xs" c="dimmed">
        {hint}
      </Text>
    </Card>
  )
}
