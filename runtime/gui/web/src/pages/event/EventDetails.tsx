import { Anchor, Badge, Group, Stack, Text } from '@mantine/core'
import { IconPackage } from '@tabler/icons-react'
import { Link } from 'react-router'
import { useProfile, useSources } from '../../api/queries'
import type { EventDocument, Product } from '../../api/types'
import { type Fact, Facts } from '../../components/Facts'
import { PersonAvatar } from '../../components/Person'
import { Section } from '../../components/Section'
import { When } from '../../components/When'
import { amountOf } from '../../lib/events'
import { label, money, shortId, webUrl } from '../../lib/format'
import { isBlank, leaves } from '../../lib/json'
import { ANONYMOUS, emailOf, nameOf } from '../../lib/profile'
import { appName, osName, placeName, deviceName } from '../../lib/device'

/** What happened: page, product, order, message, and every property that was sent. */
export function EventDetails({ event }: { event: EventDocument }) {
  const page = event.context?.page
  const url = event.hit?.url ?? page?.url
  const product = event.data?.ec?.product
  const order = event.data?.ec?.order
  const checkout = event.data?.ec?.checkout
  const message = event.data?.message
  const properties = leaves(event.properties)
  const traits = leaves(event.traits)
  return (
    <>
      {!isBlank(product) && product && <ProductCard product={product} page={webUrl(url)} />}
      {(!isBlank(order) || !isBlank(checkout)) && (
        <Section title={order?.id ? 'Order' : 'Checkout'}>
          <Facts
            facts={[
              ['Amount', amountOf(event)],
              ['Order', order?.id],
              ['Order status', order?.status],
              ['Cost', money(order?.cost?.value, order?.cost?.currency)],
              ['Due', order?.income?.due_date ? <When time={order.income.due_date} exact /> : null],
              ['Checkout', checkout?.id],
              ['Checkout status', checkout?.status],
            ]}
          />
        </Section>
      )}
      {(url || page?.title) && (
        <Section title="Page">
          <Facts
            facts={[
              ['Title', event.hit?.name ?? page?.title],
              ['Address', <Address key="url" url={url} />],
              ['Came from', event.hit?.referer],
              ['Searched for', event.hit?.query],
              ['Category', event.hit?.category],
            ]}
          />
        </Section>
      )}
      {!isBlank(message) && (
        <Section title="Message">
          <Facts facts={leaves(message).map(([path, text]): Fact => [label(path), text])} />
        </Section>
      )}
      {properties.length > 0 && (
        <Section title="Properties" hint="What was sent with the event">
          <Facts facts={properties.map(([path, text]): Fact => [path, text])} />
        </Section>
      )}
      {traits.length > 0 && (
        <Section title="Traits">
          <Facts facts={traits.map(([path, text]): Fact => [path, text])} />
        </Section>
      )}
      {properties.length === 0 && traits.length === 0 && !url && isBlank(product) && isBlank(order) && (
        <Section title="Details">
          <Text size="sm" c="dimmed">
            Nothing was sent with this event beyond its type.
          </Text>
        </Section>
      )}
    </>
  )
}

function Address({ url }: { url: string | null | undefined }) {
  const target = webUrl(url)
  if (!url) return null
  return target ? (
    <Anchor href={target} target="_blank" rel="noreferrer" size="sm">
      {url}
    </Anchor>
  ) : (
    <>{url}</>
  )
}

function ProductCard({ product, page }: { product: Product; page: string | null }) {
  const variant = [...new Set([product.variant?.name, product.variant?.color, product.variant?.size].filter(Boolean))].join(', ')
  return (
    <Section title="Product">
      <Group wrap="nowrap" align="flex-start" gap="md" mb="md">
        <span className="chip" data-category="basket" style={{ width: 56, height: 56, borderRadius: 14 }} aria-hidden>
          <IconPackage size={28} stroke={1.6} />
        </span>
        <div style={{ flex: 1, minWidth: 0 }}>
          <Text fw={600} className="wrap">
            {page && product.name ? (
              <Anchor href={page} target="_blank" rel="noreferrer" inherit>
                {product.name}
              </Anchor>
            ) : (
              (product.name ?? product.id ?? 'A product')
            )}
          </Text>
          <Text size="sm" c="dimmed">
            {[product.brand, product.category].filter(Boolean).join(' · ')}
          </Text>
        </div>
        {money(product.price) && (
          <Text fw={650} fz="lg" className="number">
            {money(product.price)}
          </Text>
        )}
      </Group>
      <Facts
        facts={[
          ['Article', product.sku ?? product.id],
          ['Variant', variant],
          ['Quantity', product.quantity === null || product.quantity === undefined ? null : String(product.quantity)],
          ['Rating', product.rate === null || product.rate === undefined ? null : String(product.rate)],
          ['Review', product.review],
        ]}
      />
    </Section>
  )
}

/** Around the event: the person, the session and device, the campaign, tags and state of the journey. */
export function EventSurroundings({ event }: { event: EventDocument }) {
  const { data: sources } = useSources()
  const source = sources?.find(one => one.id === event.source?.id)
  const utm = event.utm
  return (
    <>
      <Who id={event.profile?.id} />
      <Section title="Where and how">
        <Facts
          facts={[
            ['Source', source ? <Anchor component={Link} to={`/sources/${encodeURIComponent(source.id)}`} size="sm">{source.name}</Anchor> : event.source?.id?.startsWith('@internal') ? 'The platform itself' : event.source?.id],
            ['Channel', event.metadata?.channel],
            ['Session', event.session?.id ? <Anchor component={Link} to={`/sessions/${encodeURIComponent(event.session.id)}`} size="sm">{shortId(event.session.id)}</Anchor> : null],
            ['Device', deviceName(event.device)],
            ['System', osName(event.os)],
            ['App', appName(event.app)],
            ['Language', event.app?.language],
            ['Place', placeName(event.device?.geo)],
            ['Time zone', event.session?.tz],
            ['Made', event.metadata?.time?.create ? <When time={event.metadata.time.create} exact /> : null],
          ]}
        />
      </Section>
      {!isBlank(utm) && (
        <Section title="Campaign">
          <Facts facts={leaves(utm).map(([path, text]): Fact => [label(path), text])} />
        </Section>
      )}
      {(event.journey?.state || (event.tags?.values?.length ?? 0) > 0) && (
        <Section title="Journey and tags">
          <Stack gap="sm">
            {event.journey?.state && (
              <Group gap="xs">
                <Text size="sm" c="dimmed">
                  Stage
                </Text>
                <Badge color="teal">{event.journey.state}</Badge>
              </Group>
            )}
            <Group gap={6}>
              {event.tags?.values?.map(tag => (
                <Badge key={tag} color="gray">
                  {tag}
                </Badge>
              ))}
            </Group>
          </Stack>
        </Section>
      )}
    </>
  )
}

function Who({ id }: { id: string | null | undefined }) {
  const { data: profile, isError } = useProfile(id, { fresh: true })
  if (!id) {
    return (
      <Section title="Who">
        <Text size="sm" c="dimmed">
          This event belongs to no profile.
        </Text>
      </Section>
    )
  }
  const name = nameOf(profile)
  const email = emailOf(profile)
  return (
    <Section title="Who">
      <Anchor component={Link} to={`/profiles/${encodeURIComponent(id)}`} underline="never" c="inherit">
        <Group gap="md" wrap="nowrap">
          <PersonAvatar id={id} name={name} size={48} />
          <div style={{ minWidth: 0 }}>
            <Text fw={600} className="wrap">
              {name ?? ANONYMOUS}
            </Text>
            <Text size="sm" c="dimmed" className="wrap">
              {email && email !== name ? email : isError ? 'The profile is gone' : `Profile ${shortId(id)}`}
            </Text>
          </div>
        </Group>
      </Anchor>
    </Section>
  )
}
