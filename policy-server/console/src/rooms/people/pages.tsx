import { Route, Switch } from 'wouter';
import { AccountsPage } from './accounts-page.tsx';
import { PersonPage } from './person-page.tsx';
import { PersonsPage } from './persons-page.tsx';
import { RolesPage } from './roles-page.tsx';

export default function PeoplePages() {
  return (
    <Switch>
      <Route path="/people"><PersonsPage /></Route>
      <Route path="/people/accounts"><AccountsPage /></Route>
      <Route path="/people/roles"><RolesPage /></Route>
      <Route path="/people/:id">{({ id }) => <PersonPage key={id} id={decodeURIComponent(id)} />}</Route>
    </Switch>
  );
}
