import { Avatar, Menu, Text, UnstyledButton } from '@mantine/core'
import { IconLogout } from '@tabler/icons-react'
import { call } from '../api/client'
import { useAccount } from '../api/queries'
import { forgetLogin, login } from '../auth/session'
import { initials } from '../lib/profile'
import { useStore } from '../lib/store'

export function AccountMenu() {
  const user = useStore(login)
  const { data: account } = useAccount()
  const name = account?.name || account?.full_name || null
  const email = account?.email ?? user?.email ?? ''

  async function logOut() {
    // The login is forgotten here even if the server cannot be told.
    await call('/user/logout', { method: 'POST' }).catch(() => undefined)
    forgetLogin(null)
  }

  return (
    <Menu position="bottom-end" width={240}>
      <Menu.Target>
        <UnstyledButton style={{ borderRadius: 999 }}>
          <span className="visually-hidden">Account of {email}</span>
          <Avatar size={34} radius="xl" color="iris" variant="filled" aria-hidden>
            {initials(name ?? email)}
          </Avatar>
        </UnstyledButton>
      </Menu.Target>
      <Menu.Dropdown>
        <div style={{ padding: '8px 12px' }}>
          {name && <Text fw={600}>{name}</Text>}
          <Text size="sm" c="dimmed" className="wrap">
            {email}
          </Text>
          {user && user.roles.length > 0 && (
            <Text size="xs" c="dimmed" mt={4}>
              {user.roles.join(', ')}
            </Text>
          )}
        </div>
        <Menu.Divider />
        <Menu.Item leftSection={<IconLogout size={16} aria-hidden />} onClick={() => void logOut()}>
          Log out
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  )
}
