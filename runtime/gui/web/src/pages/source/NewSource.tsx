import { Button, Group, Modal, Stack, Textarea, TextInput } from '@mantine/core'
import { type FormEvent, useState } from 'react'
import { useNavigate } from 'react-router'
import { useSaveSource } from '../../api/queries'
import { ErrorNotice } from '../../components/Notices'
import { newSource } from '../../lib/source'

/** Asks for the little that a new event source needs, stores it and goes to its page. */
export function NewSource({ opened, onClose }: { opened: boolean; onClose: () => void }) {
  const [name, setName] = useState('')
  const [channel, setChannel] = useState('Web')
  const [description, setDescription] = useState('')
  const save = useSaveSource()
  const navigate = useNavigate()

  function submit(event: FormEvent) {
    event.preventDefault()
    const source = newSource({ name, channel, description }, id => crypto.getRandomValues(id))
    save.mutate(source, {
      onSuccess: () => {
        onClose()
        void navigate(`/sources/${encodeURIComponent(source.id)}`)
      },
    })
  }

  return (
    <Modal opened={opened} onClose={onClose} title="New event source" closeButtonProps={{ 'aria-label': 'Close' }}>
      <form onSubmit={submit}>
        <Stack>
          <TextInput
            label="Name"
            description="A site or app, such as “Web shop”"
            required
            maxLength={128}
            data-autofocus
            value={name}
            onChange={event => setName(event.currentTarget.value)}
          />
          <TextInput
            label="Channel"
            description="Stands in every event of this source"
            maxLength={64}
            value={channel}
            onChange={event => setChannel(event.currentTarget.value)}
          />
          <Textarea
            label="Description"
            autosize
            minRows={2}
            maxLength={512}
            value={description}
            onChange={event => setDescription(event.currentTarget.value)}
          />
          {save.isError && <ErrorNotice error={save.error} what="The event source was not stored" />}
          <Group justify="flex-end">
            <Button variant="default" onClick={onClose}>
              Cancel
            </Button>
            <Button type="submit" loading={save.isPending} disabled={name.trim() === ''}>
              Create
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  )
}
