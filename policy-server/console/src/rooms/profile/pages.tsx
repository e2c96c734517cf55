import { useSession } from '../../session/session.tsx';
import { Badge } from '../../ui/badge.tsx';
import { Inert } from '../../ui/inert-text.tsx';
import { Facts, Page, Section } from '../../ui/page.tsx';
import { Problem } from '../../ui/problem.tsx';
import { Lines } from '../../ui/skeleton.tsx';
import { Passkeys } from './passkeys.tsx';
import { Password } from './password.tsx';
import { useFactors } from './queries.ts';
import { Sessions } from './sessions.tsx';
import { Totp } from './totp.tsx';

export default function ProfilePage() {
  const { session: { account, person, bindings } } = useSession();
  const factors = useFactors();
  return (
    <Page title="Your account" lead="How you sign in, and where you are signed in.">
      <Section title="You">
        <Facts facts={[
          ['Account', <Inert text={account.name} />],
          ['Person', person === null ? <span className="faint">linked to nobody: an administrator can do that under People</span> : <Inert text={person.name} />],
          ['Roles', bindings.length === 0 ? 'none' : <span className="chips">{bindings.map(({ role, groups }) => <Badge key={`${role} ${String(groups)}`}>{role}{groups !== 'all' && <>: <Inert text={groups.join(', ')} /></>}</Badge>)}</span>],
        ]} />
      </Section>
      {factors.error !== null && <Problem error={factors.error} again={() => void factors.refetch()} />}
      <div className="two">
        <Section title="Authenticator app">{factors.data === undefined ? <Lines count={2} /> : <Totp factors={factors.data} />}</Section>
        <Section title="Passkeys">{factors.data === undefined ? <Lines count={2} /> : <Passkeys factors={factors.data} />}</Section>
      </div>
      <Section title="Password">{factors.data === undefined ? <Lines count={3} /> : <Password has={factors.data.password} />}</Section>
      <Section title="Where you are signed in"><Sessions /></Section>
    </Page>
  );
}
