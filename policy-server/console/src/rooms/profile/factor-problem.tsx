import { problemIn } from '../../api/client.ts';
import { useSession } from '../../session/session.tsx';
import { Button } from '../../ui/button.tsx';
import { Notice } from '../../ui/notice.tsx';
import { Problem } from '../../ui/problem.tsx';

/** A session that was left open is not enough to change how one signs in. */
export function FactorProblem({ error }: { readonly error: unknown }) {
  const { signOut } = useSession();
  if (error === null || error === undefined) return null;
  if (error instanceof Error && error.name === 'NotAllowedError') return <div role="alert"><Notice tone="warn">The passkey was not made: it was cancelled, or it took too long.</Notice></div>;
  if (error instanceof Error && error.name === 'InvalidStateError') return <div role="alert"><Notice tone="warn">This authenticator holds a passkey of yours already.</Notice></div>;
  if (problemIn(error).code !== 'BELAY_E_SIGN_IN_AGAIN') return <Problem error={error} />;
  return (
    <div role="alert">
      <Notice tone="warn" title="Sign in again first" action={<Button isSmall onPress={() => void signOut()}>Sign in again</Button>}>You signed in a while ago. How you sign in is only changed right after you did: you come back to this page.</Notice>
    </div>
  );
}
