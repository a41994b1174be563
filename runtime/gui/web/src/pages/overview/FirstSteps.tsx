import { Anchor } from '@mantine/core'
import { Link } from 'react-router'
import { useSources } from '../../api/queries'
import { useMay } from '../../auth/roles'

/** What to do when there are no events yet. */
export function FirstSteps() {
  const configures = useMay('configure')
  const { data: sources } = useSources()
  if (!configures) return <>They appear here as soon as they are stored.</>
  return (
    <>
      {sources?.length === 0 ? 'First make an ' : 'Open the page of an '}
      <Anchor component={Link} to="/sources" inherit underline="always">
        event source
      </Anchor>
      : it has the code for your site, and a demo shop to try it with.
    </>
  )
}
