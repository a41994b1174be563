import { Alert, Button, Group, PasswordInput, Stack, Text, TextInput, Title } from '@mantine/core'
import { IconBroadcast, IconInfoCircle, IconShieldCheck, IconUserSearch } from '@tabler/icons-react'
import { type FormEvent, type ReactNode, useState } from 'react'
import { call } from '../api/client'
import type { LoginAnswer } from '../api/types'
import { Logo } from '../components/Logo'
import { useTitle } from '../lib/useTitle'
import { useStore } from '../lib/store'
import { endedBecause, login } from './session'

export function LoginPage() {
  useTitle('Log in')
  const reason = useStore(endedBecause)
  const [email, setEmail] = useState('')
  const [password, setPassword] = useState('')
  const [busy, setBusy] = useState(false)
  const [error, setError] = useState<string | null>(null)

  async function submit(event: FormEvent) {
    event.preventDefault()
    setBusy(true)
    setError(null)
    try {
      const answer = await call<LoginAnswer>('/user/token', { method: 'POST', form: { username: email.trim(), password } })
      endedBecause.set(null)
      login.set({ token: answer.access_token, email: email.trim(), roles: answer.roles ?? [] })
    } catch (failure) {
      setError(failure instanceof Error ? failure.message : String(failure))
      setBusy(false)
    }
  }

  return (
    <div className="login-page">
      <aside className="login-side" aria-label="About">
        <Group gap="sm">
          <Logo size={36} />
          <Text fw={700} size="lg">
            Tracardi
          </Text>
        </Group>
        <Stack gap={28} maw={460}>
          <Text fz={38} fw={700} lh={1.15} style={{ letterSpacing: '-0.02em' }}>
            Every step of every customer, as it happens.
          </Text>
          <Point icon={<IconBroadcast size={20} />}>Events from sites, apps and queues, the moment they are stored.</Point>
          <Point icon={<IconUserSearch size={20} />}>One profile for one person, whatever device they come from.</Point>
          <Point icon={<IconShieldCheck size={20} />}>Your data on your machines. An acknowledged event is a stored event.</Point>
        </Stack>
        <span />
      </aside>
      <main className="login-form">
        <form onSubmit={submit} style={{ width: '100%', maxWidth: 360 }}>
          <Stack gap="md">
            <Logo size={44} />
            <div>
              <Title order={1}>Log in</Title>
              <Text c="dimmed" size="sm" mt={4}>
                With the e-mail address and password of your account.
              </Text>
            </div>
            {reason && !error && (
              <Alert color="iris" icon={<IconInfoCircle size={18} />} role="status">
                {reason}
              </Alert>
            )}
            {error && (
              <Alert color="red" role="alert">
                {error}
              </Alert>
            )}
            <TextInput
              label="E-mail"
              type="email"
              name="username"
              autoComplete="username"
              required
              autoFocus
              size="md"
              value={email}
              onChange={event => setEmail(event.currentTarget.value)}
            />
            <PasswordInput
              label="Password"
              name="password"
              autoComplete="current-password"
              required
              size="md"
              value={password}
              onChange={event => setPassword(event.currentTarget.value)}
            />
            <Button type="submit" size="md" loading={busy} mt={4}>
              Log in
            </Button>
          </Stack>
        </form>
      </main>
    </div>
  )
}

function Point({ icon, children }: { icon: ReactNode; children: ReactNode }) {
  return (
    <Group wrap="nowrap" gap="md" align="flex-start">
      <span style={{ opacity: 0.85, paddingTop: 2 }}>{icon}</span>
      <Text style={{ opacity: 0.92 }}>{children}</Text>
    </Group>
  )
}
