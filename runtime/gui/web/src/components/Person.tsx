import { Anchor, Avatar } from '@mantine/core'
import { IconUser } from '@tabler/icons-react'
import { Link } from 'react-router'
import { useProfile } from '../api/queries'
import { shortId } from '../lib/format'
import { colourIndex, initials, nameOf } from '../lib/profile'

const HUES = ['iris', 'teal', 'orange', 'pink', 'blue', 'grape', 'cyan', 'green'] as const

/**
 * A round picture for a profile: initials in a colour of its own, or a figure for somebody unknown. Pictures that events
 * name are not loaded: anybody can send one, and would see who looks.
 */
export function PersonAvatar({ id, name, size = 36 }: { id: string; name: string | null; size?: number }) {
  return (
    <Avatar size={size} radius="xl" color={name ? HUES[colourIndex(id, HUES.length)] : 'gray'} alt="">
      {initials(name) ?? <IconUser size={size * 0.55} stroke={1.6} aria-hidden />}
    </Avatar>
  )
}

/** Name of the person behind a profile id, fetched once for all places that show it. */
export function PersonName({ id }: { id: string }) {
  const { data } = useProfile(id)
  const name = nameOf(data)
  return name ? <>{name}</> : <>{`Visitor ${shortId(id)}`}</>
}

/** The same as a link to the profile's page. */
export function PersonLink({ id }: { id: string }) {
  return (
    <Anchor component={Link} to={`/profiles/${encodeURIComponent(id)}`} size="sm" fw={550}>
      <PersonName id={id} />
    </Anchor>
  )
}
