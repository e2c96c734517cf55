/** `__Host-`: a browser takes it over HTTPS only, for this host only, and from no other. */
const NAME = '__Host-belay';

const ATTRIBUTES = 'Path=/; HttpOnly; Secure; SameSite=Strict';

export function sessionCookie(secret: string, lifeMs: number): string {
  return `${NAME}=${secret}; ${ATTRIBUTES}; Max-Age=${Math.floor(lifeMs / 1000)}`;
}

export function endedCookie(): string {
  return `${NAME}=; ${ATTRIBUTES}; Max-Age=0`;
}

/** Of a single sign-on that has begun: it comes along when another site, the provider, sends the browser back. */
export const SIGN_ON = '__Host-belay-sign-on';

export function signOnCookie(binding: string, lifeMs: number): string {
  return `${SIGN_ON}=${binding}; Path=/; HttpOnly; Secure; SameSite=Lax; Max-Age=${Math.floor(lifeMs / 1000)}`;
}

/** Undefined when there is none, or more than one: then somebody else has put one there. */
export function cookieOf(header: string | undefined, name: string = NAME): string | undefined {
  const values = (header ?? '').split(';').map((pair) => pair.trim()).filter((pair) => pair.startsWith(`${name}=`)).map((pair) => pair.slice(name.length + 1));
  return values.length === 1 && values[0] !== '' ? values[0] : undefined;
}
