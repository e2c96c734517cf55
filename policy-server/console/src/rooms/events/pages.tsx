import { Route, Switch } from 'wouter';
import { EventPage } from './event-page.tsx';
import { EventsPage } from './events-page.tsx';

export default function EventPages() {
  return (
    <Switch>
      <Route path="/events"><EventsPage /></Route>
      <Route path="/events/:id">{({ id }) => <EventPage key={id} id={decodeURIComponent(id)} />}</Route>
    </Switch>
  );
}
