/** `__Host-`: a browser takes it over HTTPS only, for this host only, and from no other. */
const NAME = '__Host-belay';

const ATTRIBUTES = 'Path=/; HttpOnly; Secure; SameSite=Strict';

export function sessionCookie(secret: string, lifeMs: number): string {
  return `${NAME}=${secret}; ${ATTRIBUTES}; Max-Age=${Math.floor(lifeMs / 1000)}`;
}

export function endedCookie(): string {
  return `${NAME}=; ${ATTRIBUTES}; Max-Age=0`;
}

/** Undefined when there is none, or more than one: then somebody else has put one there. */
export function cookieOf(header: string | undefined, name: string = NAME): string | undefined {
  const values = (header ?? '').split(';').map((pair) => pair.trim()).filter((pair) => pair.startsWith(`${name}=`)).map((pair) => pair.slice(name.length + 1));
  return values.length === 1 && values[0] !== '' ? values[0] : undefined;
}
