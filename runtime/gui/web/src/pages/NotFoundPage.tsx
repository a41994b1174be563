import { Anchor } from '@mantine/core'
import { IconMapQuestion } from '@tabler/icons-react'
import { Link } from 'react-router'
import { Empty } from '../components/Notices'
import { useTitle } from '../lib/useTitle'

export default function NotFoundPage() {
  useTitle('Not found')
  return (
    <Empty icon={<IconMapQuestion size={24} aria-hidden />} title="There is no such page">
      Perhaps the address was cut off.{' '}
      <Anchor component={Link} to="/" underline="always">
        To the overview
      </Anchor>
    </Empty>
  )
}
