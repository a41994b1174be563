import { useStore } from '../lib/store'
import { login } from './session'

/**
 * What a user may do, by the roles that the API asks for. The application asks for nothing that would be refused: the API
 * answers a lack of rights like a lack of login (401), which ends the session.
 */
export type Right = 'read' | 'configure'

const NEEDED: Record<Right, readonly string[]> = {
  /** Single events, profiles and sessions, the live stream; what marketers configure: consents, segments, rules. */
  read: ['admin', 'developer', 'marketer'],
  /** Event sources, all other configuration, deliveries. */
  configure: ['admin', 'developer'],
}

export function may(roles: readonly string[], right: Right): boolean {
  return NEEDED[right].some(role => roles.includes(role))
}

export function useMay(right: Right): boolean {
  return may(useStore(login)?.roles ?? [], right)
}
