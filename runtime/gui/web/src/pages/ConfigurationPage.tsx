import { Badge, Card, Group, SimpleGrid, Stack, Text, Title } from '@mantine/core'
import { type Icon, IconHourglass, IconMailForward, IconMailX, IconShieldExclamation } from '@tabler/icons-react'
import type { ReactNode } from 'react'
import { Link } from 'react-router'
import { useMay } from '../auth/roles'
import { PageHead } from '../components/PageHead'
import type { Kind } from '../configuration/kind'
import { GROUPS, KINDS } from '../configuration/kinds'
import Problems from '../configuration/Problems'
import { useProblems, useRecordCount } from '../configuration/records'
import { number } from '../lib/format'
import { useTitle } from '../lib/useTitle'

/** All that can be configured, by what it is about. */
export default function ConfigurationPage() {
  useTitle('Configuration')
  const rights = { read: useMay('read'), configure: useMay('configure') }
  return (
    <>
      <PageHead title="Configuration" subtitle="What happens to events, and what follows from them. Whatever is saved is in force at once." />
      <Stack gap={30}>
        <Problems />
        {GROUPS.map(({ group, hint }) => {
          const kinds = KINDS.filter(kind => kind.group === group && rights[kind.right])
          if (kinds.length === 0) return null
          return (
            <section key={group} aria-label={group}>
              <Group gap={10} align="baseline" mb="sm">
                <Title order={2}>{group}</Title>
                <Text size="sm" c="dimmed">
                  {hint}
                </Text>
              </Group>
              <SimpleGrid cols={{ base: 1, sm: 2, xl: 3 }} spacing="md">
                {kinds.map(kind => (
                  <KindCard key={kind.id} kind={kind} />
                ))}
                {group === 'Events' && (
                  <RoomCard to="/quarantine" icon={IconShieldExclamation} label="Quarantine" sentence="Events that were not taken, and what was sent for them." />
                )}
                {group === 'Events' && rights.configure && (
                  <RoomCard to="/requests" icon={IconMailX} label="Given up requests" sentence="What the queue of a larger installation accepted and nobody could carry out." />
                )}
                {group === 'Actions' && rights.configure && (
                  <RoomCard to="/deliveries" icon={IconMailForward} label="Deliveries" sentence="What went out to destinations, and what could not be delivered." />
                )}
                {group === 'Actions' && <RoomCard to="/delayed" icon={IconHourglass} label="Delayed events" sentence="What workflows have asked to happen later." />}
              </SimpleGrid>
            </section>
          )
        })}
      </Stack>
    </>
  )
}

function KindCard({ kind }: { kind: Kind }) {
  const { data: count } = useRecordCount(kind)
  const broken = useProblems().data?.filter(problem => problem.kind === kind.id).length ?? 0
  return (
    <RoomCard to={`/configuration/${kind.id}`} icon={kind.icon} label={kind.label} sentence={kind.sentence}>
      {broken > 0 && <Badge color="red">{broken} broken</Badge>}
      {count ? <Badge color="gray">{number(count)}</Badge> : null}
    </RoomCard>
  )
}

interface RoomProps {
  to: string
  icon: Icon
  label: string
  sentence: string
  children?: ReactNode
}

function RoomCard({ to, icon: Icon, label, sentence, children }: RoomProps) {
  return (
    <Link to={to} className="row-link">
      <Card className="card-shadow row-card" h="100%" padding="md">
        <Group wrap="nowrap" align="flex-start" gap="md">
          <span className="chip" data-category="identity" style={{ width: 42, height: 42 }} aria-hidden>
            <Icon size={22} stroke={1.7} />
          </span>
          <div style={{ flex: 1, minWidth: 0 }}>
            <Group justify="space-between" wrap="nowrap" gap="xs">
              <Text fw={600}>{label}</Text>
              <Group gap={6} wrap="nowrap">
                {children}
              </Group>
            </Group>
            <Text size="sm" c="dimmed" mt={2}>
              {sentence}
            </Text>
          </div>
        </Group>
      </Card>
    </Link>
  )
}
