import { IconLock } from '@tabler/icons-react'
import type { ReactNode } from 'react'
import { type Right, useMay } from '../auth/roles'
import { Empty } from './Notices'

/** Shows a page to those who may see it, and to others why they do not. */
export function Restricted({ right, children }: { right: Right; children: ReactNode }) {
  if (useMay(right)) return <>{children}</>
  return (
    <Empty icon={<IconLock size={24} aria-hidden />} title="Your roles do not include this page">
      An administrator can change them.
    </Empty>
  )
}
