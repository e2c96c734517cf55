import { Route, Switch } from 'wouter';
import { DiffPage } from './diff-page.tsx';
import { PoliciesPage } from './policies-page.tsx';
import { PolicyPage } from './policy-page.tsx';
import { ProposalsPage } from './proposals-page.tsx';
import { VersionsPage } from './versions-page.tsx';

export default function PolicyPages() {
  return (
    <Switch>
      <Route path="/policies"><PoliciesPage /></Route>
      <Route path="/policies/versions"><VersionsPage /></Route>
      <Route path="/policies/versions/:from/:to">{({ from, to }) => <DiffPage key={`${from}-${to}`} from={Number(from)} to={Number(to)} />}</Route>
      <Route path="/policies/proposals"><ProposalsPage /></Route>
      <Route path="/policies/:kind/:name">{({ kind, name }) => <PolicyPage key={`${kind}/${name}`} name={`${decodeURIComponent(kind)}/${decodeURIComponent(name)}`} />}</Route>
      <Route path="/policies/:name">{({ name }) => <PolicyPage key={name} name={decodeURIComponent(name)} />}</Route>
    </Switch>
  );
}
