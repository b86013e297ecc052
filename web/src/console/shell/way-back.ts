// Where to go after a login, and how that is kept in the address of the login.

/** A page of this application alone: nobody is led elsewhere by a link to the login. */
export function wayBack(search: string): string {
  const next = new URLSearchParams(search).get('next') ?? '';
  return /^\/(?![/\\])/.test(next) ? next : '/profile';
}
