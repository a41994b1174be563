import { Button, Input, Stack } from '@mantine/core'
import { IconPlus } from '@tabler/icons-react'
import { useId, useRef } from 'react'
import { Complaints } from '../../components/Complaint'
import { below, elsewhere, isObject, listOf, steps } from '../draft'
import type { FieldOf } from '../kind'
import { Fields } from './Fields'
import { RemoveButton } from './PairsField'
import type { FieldProps } from './props'

/** A list of objects: a card for each, with the fields of its columns. */
export function RowsField({ field, value, onChange, complaints }: FieldProps<FieldOf<'rows'>>) {
  const rows = listOf(value)
  const labelled = useId()
  // Rows have no id of their own; each gets a key for as long as the form is open.
  const keys = useRef<number[]>([])
  const last = useRef(0)
  while (keys.current.length < rows.length) keys.current.push(last.current++)
  const general = elsewhere(complaints, rows.map((_, index) => [index]))
  return (
    <Input.Wrapper
      label={field.label}
      labelElement="div"
      labelProps={{ id: labelled }}
      description={field.help}
      error={general.length > 0 ? <Complaints of={general} /> : undefined}
      role="group"
      aria-labelledby={labelled}
    >
      <Stack gap={10} mt={8}>
        {rows.map((row, index) => {
          const wrong = below(complaints, [index])
          const loose = elsewhere(wrong, field.columns.map(column => steps(column.path)))
          return (
            <div key={keys.current[index]} className="field-row" role="group" aria-label={`${field.label} ${index + 1}`}>
              <div className="pair">
                <div className="field-columns">
                  <Fields
                    fields={field.columns}
                    value={isObject(row) ? row : {}}
                    onChange={next => onChange(rows.map((one, other) => (other === index ? next : one)))}
                    complaints={wrong}
                  />
                </div>
                <RemoveButton
                  label={`Remove ${index + 1} of ${rows.length}`}
                  onClick={() => {
                    keys.current.splice(index, 1)
                    onChange(rows.filter((_, other) => other !== index))
                  }}
                />
              </div>
              {loose.length > 0 && (
                <Input.Error mt={8}>
                  <Complaints of={loose} />
                </Input.Error>
              )}
            </div>
          )
        })}
        <div>
          <Button variant="default" size="xs" leftSection={<IconPlus size={15} aria-hidden />} onClick={() => onChange([...rows, field.blank])}>
            {field.add}
          </Button>
        </div>
      </Stack>
    </Input.Wrapper>
  )
}
