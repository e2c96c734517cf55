const NAME = /^[\p{L}\p{N}][\p{L}\p{N}._@+-]{0,63}$/u;

/** What an account may be called; policies name it as `user:NAME`. */
export function isAccountName(name: string): boolean {
  return NAME.test(name);
}
