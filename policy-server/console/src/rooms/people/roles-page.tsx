import { Check } from 'lucide-react';
import { Page } from '../../ui/page.tsx';
import { Problem } from '../../ui/problem.tsx';
import { Lines } from '../../ui/skeleton.tsx';
import { useMatrix } from './queries.ts';
import { PeopleTabs } from './tabs.tsx';

/** What each role may do, as the server enforces it. */
export function RolesPage() {
  const matrix = useMatrix();
  return (
    <Page title="Roles" lead="A role reaches every device, or the devices of the groups it is given for.">
      <PeopleTabs />
      {matrix.error !== null ? <Problem error={matrix.error} again={() => void matrix.refetch()} /> : matrix.data === undefined ? <Lines count={10} /> : (
        <div className="table-frame matrix" role="region" aria-label="Roles and permissions" tabIndex={0}>
          <table className="plain-table">
            <thead><tr><th scope="col">May</th>{matrix.data.roles.map(({ role }) => <th key={role} scope="col">{role}</th>)}</tr></thead>
            <tbody>
              {matrix.data.permissions.map(({ name, about }) => (
                <tr key={name}><th scope="row">{about}<code className="faint block">{name}</code></th>{matrix.data.roles.map(({ role, permissions }) => <td key={role}>{permissions.includes(name) ? <span className="yes"><Check aria-hidden="true" /><span className="visually-hidden">yes</span></span> : <span className="faint">no</span>}</td>)}</tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </Page>
  );
}
