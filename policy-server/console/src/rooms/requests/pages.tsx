import { Route, Switch } from 'wouter';
import { GrantsPage } from './grants-page.tsx';
import { QueuePage } from './queue-page.tsx';
import { RequestPage } from './request-page.tsx';

export default function RequestPages() {
  return (
    <Switch>
      <Route path="/requests"><QueuePage /></Route>
      <Route path="/requests/grants"><GrantsPage /></Route>
      <Route path="/requests/:id">{({ id }) => <RequestPage key={id} id={decodeURIComponent(id)} />}</Route>
    </Switch>
  );
}
