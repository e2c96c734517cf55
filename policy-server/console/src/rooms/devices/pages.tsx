import { Route, Switch } from 'wouter';
import { DevicePage } from './device-page.tsx';
import { DevicesPage } from './devices-page.tsx';
import { EnrollPage } from './enroll-page.tsx';

export default function DevicePages() {
  return (
    <Switch>
      <Route path="/devices"><DevicesPage /></Route>
      <Route path="/devices/enroll"><EnrollPage /></Route>
      <Route path="/devices/:id">{({ id }) => <DevicePage key={id} id={decodeURIComponent(id)} />}</Route>
    </Switch>
  );
}
