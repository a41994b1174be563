import { Anchor, Group, Text, Title } from '@mantine/core'
import { IconChevronLeft } from '@tabler/icons-react'
import type { ReactNode } from 'react'
import { Link } from 'react-router'

interface Props {
  title: ReactNode
  subtitle?: ReactNode
  back?: { to: string; label: string }
  icon?: ReactNode
  children?: ReactNode
}

/** The head of a page: way back, title, and what can be done here. */
export function PageHead({ title, subtitle, back, icon, children }: Props) {
  return (
    <div style={{ marginBottom: 22 }}>
      {back && (
        <Anchor component={Link} to={back.to} size="sm" c="dimmed" mb={8} style={{ display: 'inline-flex', alignItems: 'center', gap: 2 }}>
          <IconChevronLeft size={16} aria-hidden /> {back.label}
        </Anchor>
      )}
      <Group justify="space-between" gap="md" align="center">
        <Group gap="md" wrap="nowrap" style={{ minWidth: 0 }}>
          {icon}
          <div style={{ minWidth: 0 }}>
            <Title order={1} className="wrap" style={{ letterSpacing: '-0.015em' }}>
              {title}
            </Title>
            {subtitle && (
              <Text c="dimmed" size="sm" mt={2} component="div" className="wrap">
                {subtitle}
              </Text>
            )}
          </div>
        </Group>
        {children}
      </Group>
    </div>
  )
}
