// The operations that the package sends by itself.

/**
 * What is sent to the service besides the operations of the application. Where the service runs
 * `TRUSTED_DOCUMENTS` alone, these texts belong into its file, letter by letter.
 */
export const documents = {
  refresh:
    'mutation VestibuleRefresh($input: RefreshInput!) { refresh(input: $input) { accessToken refreshToken accessTokenExpiresAt session { id } user { id } } }',
  logout: 'mutation VestibuleLogout($input: LogoutInput!) { logout(input: $input) { success } }',
  whoAmI: 'query VestibuleWhoAmI { me { id } }',
  sessionEvents: 'subscription VestibuleSessionEvents { sessionEvents { type sessionId endsCurrentSession } }',
} as const;
