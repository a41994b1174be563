import { AppShell, Group, NavLink, ScrollArea, Stack, Text, UnstyledButton } from '@mantine/core'
import { type Icon, IconActivity, IconBroadcast, IconPlugConnected, IconSend, IconSettings, IconUsers } from '@tabler/icons-react'
import { type ReactNode, useEffect, useRef } from 'react'
import { NavLink as RouterLink, useLocation } from 'react-router'
import { Logo } from '../components/Logo'
import { type Right, useMay } from '../auth/roles'
import { AccountMenu } from './AccountMenu'
import { ContextSwitch } from './ContextSwitch'
import { ShopLink } from './ShopLink'
import { ThemeSwitch } from './ThemeSwitch'

interface Room {
  to: string
  label: string
  /** For the bar of a phone. */
  short?: string
  icon: Icon
  /** Left out of the bar of a phone. */
  wideOnly?: boolean
  /** Who may go there; everybody, if absent. */
  right?: Right
}

const ROOMS: readonly Room[] = [
  { to: '/', label: 'Overview', icon: IconActivity },
  { to: '/events', label: 'Events', icon: IconBroadcast },
  { to: '/profiles', label: 'Profiles', icon: IconUsers },
  { to: '/sources', label: 'Event sources', short: 'Sources', icon: IconPlugConnected, right: 'configure' },
  { to: '/configuration', label: 'Configuration', short: 'Configure', icon: IconSettings, right: 'read' },
  // A phone's bar has room for five; there the configuration's page leads to it.
  { to: '/deliveries', label: 'Deliveries', icon: IconSend, right: 'configure', wideOnly: true },
]

/** The frame around every page: navigation at the side (on a phone at the bottom), switches and account at the top. */
export function Shell({ children }: { children: ReactNode }) {
  const { pathname } = useLocation()
  const rights = { read: useMay('read'), configure: useMay('configure') }
  const rooms = ROOMS.filter(({ right }) => right === undefined || rights[right])
  const main = useRef<HTMLElement>(null)
  const first = useRef(true)
  useEffect(() => {
    // A new page is announced by moving the focus to it, as a page load would.
    if (first.current) first.current = false
    else main.current?.focus({ preventScroll: true })
    window.scrollTo(0, 0)
  }, [pathname])
  const isHere = (to: string) => (to === '/' ? pathname === '/' : pathname === to || pathname.startsWith(`${to}/`))

  return (
    <AppShell
      layout="alt"
      padding={{ base: 'md', sm: 'xl' }}
      header={{ height: 60 }}
      navbar={{ width: 232, breakpoint: 'sm', collapsed: { mobile: true } }}
      footer={{ height: { base: 60, sm: 0 } }}
    >
      <a className="skip" href="#content">
        Skip to content
      </a>
      <AppShell.Header px={{ base: 'md', sm: 'xl' }} bg="var(--app-page)" withBorder={false}>
        <Group h="100%" justify="space-between" wrap="nowrap">
          <UnstyledButton component={RouterLink} to="/" hiddenFrom="sm" aria-label="Tracardi, to the overview">
            <Logo size={32} />
          </UnstyledButton>
          <span />
          <Group gap="xs" wrap="nowrap">
            <ContextSwitch />
            <ThemeSwitch />
            <AccountMenu />
          </Group>
        </Group>
      </AppShell.Header>
      <AppShell.Navbar p="md" component="nav" aria-label="Main" visibleFrom="sm">
        <Group gap={10} px={8} pt={4} pb="lg">
          <Logo size={32} />
          <Text fw={700} size="lg" style={{ letterSpacing: '-0.01em' }}>
            Tracardi
          </Text>
        </Group>
        <ScrollArea flex={1}>
          <Stack gap={4}>
            {rooms.map(({ to, label, icon: Icon }) => (
              <NavLink
                key={to}
                component={RouterLink}
                to={to}
                label={label}
                leftSection={<Icon size={19} stroke={1.8} aria-hidden />}
                active={isHere(to)}
                aria-current={isHere(to) ? 'page' : undefined}
                fw={550}
                style={{ borderRadius: 10 }}
              />
            ))}
          </Stack>
        </ScrollArea>
        {rights.configure && <ShopLink />}
      </AppShell.Navbar>
      <AppShell.Main id="content" ref={main} tabIndex={-1} style={{ outline: 'none' }}>
        <div style={{ maxWidth: 1240, margin: '0 auto' }}>{children}</div>
      </AppShell.Main>
      <AppShell.Footer hiddenFrom="sm" component="nav" aria-label="Main">
        <div className="tabbar">
          {rooms.filter(({ wideOnly }) => !wideOnly).map(({ to, label, short, icon: Icon }) => (
            <RouterLink key={to} to={to} aria-current={isHere(to) ? 'page' : undefined}>
              <Icon size={21} stroke={1.8} aria-hidden />
              {short ?? label}
            </RouterLink>
          ))}
        </div>
      </AppShell.Footer>
    </AppShell>
  )
}
