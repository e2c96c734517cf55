import { Plus, Trash2 } from 'lucide-react';
import type { Binding, HeldBinding } from '../../api/types.ts';
import { Badge } from '../../ui/badge.tsx';
import { Button, IconButton } from '../../ui/button.tsx';
import { Field, Select } from '../../ui/field.tsx';
import { Inert } from '../../ui/inert-text.tsx';

export const ROLES = ['viewer', 'approver', 'operator', 'policy-author', 'administrator'] as const;

export function Bindings({ bindings }: { readonly bindings: readonly HeldBinding[] }) {
  if (bindings.length === 0) return <span className="faint">none</span>;
  return <span className="chips">{bindings.map(({ role, groups, source }) => <Badge key={`${role} ${String(groups)} ${source}`} tone={role === 'administrator' ? 'warn' : 'neutral'}>{role}{groups !== 'all' && <>: <Inert text={groups.join(', ')} /></>}{source !== 'local' && <span className="faint"> by <Inert text={source} /></span>}</Badge>)}</span>;
}

/** Roles and how far each reaches. */
export function BindingsField({ value, change }: { readonly value: readonly Binding[]; change(value: readonly Binding[]): void }) {
  const set = (index: number, binding: Binding): void => change(value.map((each, at) => (at === index ? binding : each)));
  return (
    <fieldset className="stack bindings">
      <legend>Roles</legend>
      {value.map(({ role, groups }, index) => (
        <div key={index} className="binding">
          <Select label="Role" value={role} options={ROLES.map((each) => ({ value: each, label: each }))} onChange={(event) => set(index, { role: event.target.value, groups })} />
          <Field label="Device groups" value={groups === 'all' ? '' : groups.join(', ')} placeholder="Every device" onChange={(event) => set(index, { role, groups: event.target.value === '' ? 'all' : event.target.value.split(',').map((each) => each.trimStart()) })} />
          <IconButton label={`Take ${role} away`} icon={<Trash2 />} onPress={() => change(value.filter((_, at) => at !== index))} />
        </div>
      ))}
      <div className="actions"><Button isSmall icon={<Plus />} onPress={() => change([...value, { role: 'viewer', groups: 'all' }])}>Add a role</Button></div>
    </fieldset>
  );
}

/** As the server takes them: names without blanks around, none empty. */
export function tidy(bindings: readonly Binding[]): readonly Binding[] {
  return bindings.map(({ role, groups }) => {
    const names = groups === 'all' ? [] : groups.map((each) => each.trim()).filter((each) => each !== '');
    return { role, groups: names.length === 0 ? 'all' : names };
  });
}
