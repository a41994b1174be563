import { Anchor, Badge, Box, Group, Stack, Text } from '@mantine/core'
import type { Json, ProfileDocument } from '../../api/types'
import { type Fact, Facts } from '../../components/Facts'
import { Section } from '../../components/Section'
import { dateTime, label, webUrl } from '../../lib/format'
import { mergedInto } from '../../lib/explain'
import { placeName } from '../../lib/device'
import { leaves } from '../../lib/json'
import { consentsOf, filled, interestsOf } from '../../lib/profile'
import { useNow } from '../../lib/useNow'

/** What is known of a person. A card without content is left out. */
export function ProfileFacts({ profile }: { profile: ProfileDocument }) {
  const data = profile.data
  const contact = data?.contact
  const contacts: Fact[] = [
    ...filled(contact?.email).map(([key, value]): Fact => [`E-mail, ${key}`, <Anchor key={key} href={`mailto:${value}`} size="sm">{value}</Anchor>]),
    ...filled(contact?.phone).map(([key, value]): Fact => [`Phone, ${key}`, <Anchor key={key} href={`tel:${value}`} size="sm">{value}</Anchor>]),
    ...filled(contact?.app).map(([key, value]): Fact => [label(key), value]),
    ['Address', filled(contact?.address).map(([, value]) => value).join(', ')],
    ['Website', webUrl(data?.media?.webpage) && <Anchor href={data?.media?.webpage ?? ''} target="_blank" rel="noreferrer" size="sm">{data?.media?.webpage}</Anchor>],
  ]
  const person = facts(data?.pii, ['display_name'])
  const identifiers: Fact[] = [
    ['Main id', profile.primary_id],
    ...filled(data?.identifier).map(([key, value]): Fact => [label(key), value]),
    ['Known ids', (profile.ids?.length ?? 0) > 1 ? String(profile.ids?.length) : null],
  ]
  const traits = facts(profile.traits)
  const preferences = Object.entries(data?.preferences ?? {}).filter(([, values]) => (values?.length ?? 0) > 0)
  const devices: Fact[] = [
    ['Last place', placeName(data?.devices?.last?.geo)],
    ['Time zone', profile.metadata?.time?.visit?.tz],
    ['Other devices', data?.devices?.other?.join(', ')],
  ]
  const card = data?.loyalty?.card
  const loyalty: Fact[] = [
    ['Card', card?.name ?? card?.id],
    ['Points', card?.points ? String(card.points) : null],
    ['Codes', data?.loyalty?.codes?.join(', ')],
  ]
  return (
    <>
      {some(contacts) ? (
        <Section title="Contact">
          <Facts facts={contacts} />
        </Section>
      ) : (
        <Section title="Contact">
          <Text size="sm" c="dimmed">
            No contact is known. It comes with a sign-in, sign-up or identification event.
          </Text>
        </Section>
      )}
      {some(person) && (
        <Section title="Person">
          <Facts facts={person} />
        </Section>
      )}
      {some(identifiers) && (
        <Section title="Identifiers">
          <Facts facts={identifiers} />
        </Section>
      )}
      <Interests profile={profile} />
      {preferences.length > 0 && (
        <Section title="Preferences">
          <Facts facts={preferences.map(([key, values]): Fact => [label(key), values?.join(', ')])} />
        </Section>
      )}
      <Consents profile={profile} />
      {some(traits) && (
        <Section title="Traits">
          <Facts facts={traits} />
        </Section>
      )}
      {some(devices) && (
        <Section title="Devices and places">
          <Facts facts={devices} />
        </Section>
      )}
      <Merged profile={profile} />
      {some(loyalty) && (
        <Section title="Loyalty">
          <Facts facts={loyalty} />
        </Section>
      )}
    </>
  )
}

const some = (facts: readonly Fact[]): boolean => facts.some(([, value]) => Boolean(value))

function facts(record: { [key: string]: Json | undefined } | null | undefined, except: readonly string[] = []): Fact[] {
  return leaves(record)
    .filter(([path]) => !except.includes(path))
    .map(([path, text]): Fact => [label(path), text])
}

/** The profiles that turned out to be the same person's. Their ids lead here. */
function Merged({ profile }: { profile: ProfileDocument }) {
  const merged = mergedInto(profile)
  if (merged.length === 0) return null
  return (
    <Section title="Merged profiles" hint="They were the same person; what they knew is here, and their ids lead here">
      <Stack gap={4}>
        {merged.map(id => (
          <Text key={id} size="sm" ff="monospace" className="wrap">
            {id}
          </Text>
        ))}
      </Stack>
    </Section>
  )
}

function Interests({ profile }: { profile: ProfileDocument }) {
  const interests = interestsOf(profile).slice(0, 10)
  if (interests.length === 0) return null
  const most = Math.max(...interests.map(([, weight]) => Math.abs(weight)), 1)
  return (
    <Section title="Interests">
      <Stack gap={10}>
        {interests.map(([name, weight]) => (
          <div key={name}>
            <Group justify="space-between" mb={4} wrap="nowrap">
              <Text size="sm" className="wrap">
                {name}
              </Text>
              <Text size="sm" className="number" c="dimmed">
                {Math.round(weight * 100) / 100}
              </Text>
            </Group>
            <Box h={6} bg="var(--app-hover)" style={{ borderRadius: 3 }} aria-hidden>
              <Box h={6} w={`${Math.max(2, (Math.max(0, weight) / most) * 100)}%`} bg="iris" style={{ borderRadius: 3 }} />
            </Box>
          </div>
        ))}
      </Stack>
    </Section>
  )
}

function Consents({ profile }: { profile: ProfileDocument }) {
  const consents = consentsOf(profile, useNow(60))
  if (consents.length === 0) return null
  return (
    <Section title="Consents">
      <Group gap={8}>
        {consents.map(({ name, active, until }) => (
          <Badge key={name} color={active ? 'teal' : 'gray'} title={until ? `${active ? 'until' : 'ended'} ${dateTime(until)}` : 'without end'}>
            {name}
            {active ? '' : ' (ended)'}
          </Badge>
        ))}
      </Group>
    </Section>
  )
}
