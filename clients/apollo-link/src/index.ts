// The public API.

export type {
  AuthState,
  AuthStatus,
  ChannelLike,
  CookieJar,
  EndReason,
  LockManagerLike,
  SessionEnd,
  SessionInfo,
  SignInPayload,
  SocketClient,
  SocketClientOptions,
  SubscriptionOptions,
  TabOptions,
  TokenMode,
  TokenStorage,
  Vestibule,
  VestibuleOptions,
} from './api.js';
export { createCookieJar } from './cookies.js';
export { documents } from './documents.js';
export { VestibuleError, type VestibuleErrorCode } from './errors.js';
export { createVestibule } from './vestibule.js';
