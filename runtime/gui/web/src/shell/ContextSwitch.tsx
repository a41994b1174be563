import { SegmentedControl } from '@mantine/core'
import { type DataContext, dataContext } from '../auth/session'
import { useStore } from '../lib/store'

/** Which of the two separate sets of data every page shows. */
export function ContextSwitch() {
  const context = useStore(dataContext)
  return (
    <SegmentedControl
      size="xs"
      radius="md"
      aria-label="Data context"
      value={context}
      onChange={value => dataContext.set(value as DataContext)}
      data={[
        { value: 'production', label: 'Production' },
        { value: 'staging', label: 'Staging' },
      ]}
    />
  )
}
