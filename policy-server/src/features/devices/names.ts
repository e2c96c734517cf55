import { type Failure, failure } from '@belay/core/codes';
import { err, type Result } from '@belay/core/result';

const NAME = /^[\p{L}\p{N}][\p{L}\p{N}._:/@ -]{0,127}$/u;

/** What devices, groups and labels may be called. */
export function isName(name: string): boolean {
  return NAME.test(name);
}

export function badName(what: string, name: string): Result<never, Failure> {
  return err(failure('BELAY_E_BAD_REQUEST', `This is not a ${what}: ${JSON.stringify(name.slice(0, 40))}. Use letters, digits and . _ : / @ - , at most 128.`));
}
