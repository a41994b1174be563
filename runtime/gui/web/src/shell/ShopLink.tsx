import { Anchor } from '@mantine/core'
import { usePublicUrl, useSources } from '../api/queries'
import { shopUrl } from '../lib/snippet'

/** Way to the demo shop, which needs an event source to send to. */
export function ShopLink() {
  const publicUrl = usePublicUrl()
  const source = useSources().data?.find(one => one.enabled && one.type.includes('rest'))
  if (!source) return null
  return (
    <Anchor href={shopUrl(publicUrl, source.id)} target="_blank" rel="noreferrer" size="xs" c="dimmed" underline="always" px={8}>
      Open the demo shop
    </Anchor>
  )
}
