import { useQueryClient } from '@tanstack/react-query'
import { lazy, Suspense, useEffect } from 'react'
import { Route, Routes } from 'react-router'
import { dataContext, login } from './auth/session'
import { LoginPage } from './auth/LoginPage'
import { Loading } from './components/Notices'
import { Restricted } from './components/Restricted'
import { useStore } from './lib/store'
import { Shell } from './shell/Shell'

const OverviewPage = lazy(() => import('./pages/OverviewPage'))
const EventsPage = lazy(() => import('./pages/EventsPage'))
const EventPage = lazy(() => import('./pages/EventPage'))
const ProfilesPage = lazy(() => import('./pages/ProfilesPage'))
const ProfilePage = lazy(() => import('./pages/ProfilePage'))
const SessionPage = lazy(() => import('./pages/SessionPage'))
const SourcesPage = lazy(() => import('./pages/SourcesPage'))
const SourcePage = lazy(() => import('./pages/SourcePage'))
const ConfigurationPage = lazy(() => import('./pages/ConfigurationPage'))
const RecordsPage = lazy(() => import('./pages/RecordsPage'))
const RecordPage = lazy(() => import('./pages/RecordPage'))
const DeliveriesPage = lazy(() => import('./pages/DeliveriesPage'))
const DelayedPage = lazy(() => import('./pages/DelayedPage'))
const QuarantinePage = lazy(() => import('./pages/QuarantinePage'))
const LettersPage = lazy(() => import('./pages/LettersPage'))
const NotFoundPage = lazy(() => import('./pages/NotFoundPage'))

/** Which page an address shows. Without a login every address shows the login page, and the page itself after it. */
export function AppRoutes() {
  const user = useStore(login)
  const context = useStore(dataContext)
  const queries = useQueryClient()
  useEffect(() => {
    // What one user has seen is not left in memory for the next one.
    if (user === null) queries.clear()
  }, [user, queries])
  if (user === null) return <LoginPage />
  return (
    <Shell>
      <Suspense fallback={<Loading />}>
        <Routes key={context}>
          <Route path="/" element={<OverviewPage />} />
          <Route path="/events" element={<EventsPage />} />
          <Route path="/events/:id" element={<Restricted right="read"><EventPage /></Restricted>} />
          <Route path="/profiles" element={<ProfilesPage />} />
          <Route path="/profiles/:id" element={<Restricted right="read"><ProfilePage /></Restricted>} />
          <Route path="/sessions/:id" element={<Restricted right="read"><SessionPage /></Restricted>} />
          <Route path="/sources" element={<Restricted right="configure"><SourcesPage /></Restricted>} />
          <Route path="/sources/:id" element={<Restricted right="configure"><SourcePage /></Restricted>} />
          <Route path="/configuration" element={<Restricted right="read"><ConfigurationPage /></Restricted>} />
          <Route path="/configuration/:kind" element={<RecordsPage />} />
          <Route path="/configuration/:kind/new" element={<RecordPage />} />
          <Route path="/configuration/:kind/record/:id" element={<RecordPage />} />
          <Route path="/deliveries" element={<Restricted right="configure"><DeliveriesPage /></Restricted>} />
          <Route path="/delayed" element={<Restricted right="read"><DelayedPage /></Restricted>} />
          <Route path="/quarantine" element={<Restricted right="read"><QuarantinePage /></Restricted>} />
          <Route path="/requests" element={<Restricted right="configure"><LettersPage /></Restricted>} />
          <Route path="*" element={<NotFoundPage />} />
        </Routes>
      </Suspense>
    </Shell>
  )
}
