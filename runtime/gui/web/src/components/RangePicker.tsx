import { SegmentedControl } from '@mantine/core'
import { RANGES, type Range, ALL_TIME } from '../lib/range'

/** Chooses the span of time that a view covers. */
export function RangePicker({ value, onChange, withAll = false }: { value: string; onChange: (key: string) => void; withAll?: boolean }) {
  const offered: readonly Range[] = withAll ? [...RANGES, ALL_TIME] : RANGES
  return (
    <SegmentedControl
      size="xs"
      radius="md"
      aria-label="Time range"
      value={value}
      onChange={onChange}
      data={offered.map(range => ({ value: range.key, label: range.key === 'all' ? 'All' : range.key }))}
    />
  )
}
