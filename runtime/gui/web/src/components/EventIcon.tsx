import {
  IconBasket, IconBolt, IconBrowser, IconCreditCard, IconHeart, IconMessage, IconPrinter, IconSearch, IconSettings2,
  IconShoppingCartPlus, IconShoppingCartX, IconSpeakerphone, IconTag, IconTruck, IconUser, IconUserPlus,
} from '@tabler/icons-react'
import type { ComponentType } from 'react'
import { type Category, categoryOf } from '../lib/events'

type Icon = ComponentType<{ size?: number; stroke?: number; 'aria-hidden'?: boolean }>

const BY_TYPE: Record<string, Icon> = {
  search: IconSearch,
  'page-print': IconPrinter,
  'product-clicked': IconTag,
  'product-details-page-view': IconTag,
  'product-added-to-basket': IconShoppingCartPlus,
  'product-removed-from-basket': IconShoppingCartX,
  'sign-up': IconUserPlus,
  'profile-created': IconUserPlus,
  'order-dispatched': IconTruck,
  'order-delivered': IconTruck,
}

const BY_CATEGORY: Record<Category, Icon> = {
  browsing: IconBrowser,
  basket: IconBasket,
  purchase: IconCreditCard,
  identity: IconUser,
  message: IconMessage,
  taste: IconHeart,
  marketing: IconSpeakerphone,
  system: IconSettings2,
  other: IconBolt,
}

/** The chip that shows what kind of event something is. Decoration: the text beside it says the same. */
export function EventIcon({ type, size = 36 }: { type: string; size?: number }) {
  const category = categoryOf(type)
  const Picture = (Object.hasOwn(BY_TYPE, type) ? BY_TYPE[type] : undefined) ?? BY_CATEGORY[category]
  return (
    <span className="chip" data-category={category} style={{ width: size, height: size }} aria-hidden>
      <Picture size={Math.round(size * 0.52)} stroke={1.8} />
    </span>
  )
}
