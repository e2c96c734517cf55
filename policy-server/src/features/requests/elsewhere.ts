import { type Failure, failure } from '@belay/core/codes';
import { err, ok, type Result } from '@belay/core/result';
import type { Elsewhere } from './places.ts';
import { type Answerer, type Case, standingOf } from './standing.ts';

/** Whether a yes can still be for it; undefined: it can. */
export function endedThere({ requester }: Pick<Case, 'requester'>, { state, person, user }: Elsewhere): string | undefined {
  if (state !== 'active') return 'This device is no longer part of the fleet.';
  if (requester === undefined || person !== requester.id) return `"${user}" is no longer linked to whoever asks.`;
  return undefined;
}

/** Why this one's yes cannot be for that device too; undefined: it can. SECURITY(T-31): as if it had been asked there. */
export function whyNotThere(who: Answerer, asked: Case, place: Elsewhere): string | undefined {
  const ended = endedThere(asked, place);
  if (ended !== undefined) return ended;
  const written = asked.policyAuthors.get(asked.requester?.id ?? '');
  if (written !== undefined) return `Whoever asks has changed the policy "${written}" within the last 7 days, which may ask there: let them ask on that device.`;
  const standing = standingOf(who, { ...asked, row: { ...asked.row, device_id: place.device, user_name: place.user }, deviceGroups: place.groups, deviceOwner: place.owner });
  return 'why' in standing ? standing.words : undefined;
}

/** Which of the other devices a yes is for: those named, by id or name; all that may be, when nobody says. */
export function chosen(who: Answerer, asked: Case, { devices, exact }: { readonly devices?: readonly string[] | undefined; readonly exact?: true | undefined }): Result<readonly string[], Failure> {
  if (devices === undefined) return ok(exact === true ? [] : asked.elsewhere.filter((place) => whyNotThere(who, asked, place) === undefined).map(({ device }) => device));
  if (exact === true && devices.length > 0) return err(failure('BELAY_E_BAD_REQUEST', 'The exact request is one of its own device: leave the other devices out, or approve the scope.'));
  const ids = new Set<string>();
  for (const named of devices) {
    const place = asked.elsewhere.find(({ device, name }) => device === named || name === named);
    if (place === undefined) return err(failure('BELAY_E_BAD_REQUEST', `This request is not for "${named}".`));
    const whyNot = whyNotThere(who, asked, place);
    if (whyNot !== undefined) return err(failure('BELAY_E_DENIED', `${place.name}: ${whyNot}`));
    ids.add(place.device);
  }
  return ok([...ids]);
}
