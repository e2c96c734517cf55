import { Pencil, ShieldX } from 'lucide-react';
import { useState } from 'react';
import type { Device } from '../../api/types.ts';
import { useTell } from '../../shell/toasts.tsx';
import { Button } from '../../ui/button.tsx';
import { Confirm } from '../../ui/confirm.tsx';
import { Dialog } from '../../ui/dialog.tsx';
import { Field, TextArea } from '../../ui/field.tsx';
import { Inert } from '../../ui/inert-text.tsx';
import { Problem } from '../../ui/problem.tsx';
import { type DeviceChange, useDeviceChange } from './queries.ts';

export function DeviceEdits({ device }: { readonly device: Device }) {
  const [isOpen, setOpen] = useState(false);
  return (
    <>
      <Button isSmall icon={<Pencil />} onPress={() => setOpen(true)}>Edit…</Button>
      <Dialog title={`Edit ${device.name}`} isOpen={isOpen} close={() => setOpen(false)}><EditForm device={device} close={() => setOpen(false)} /></Dialog>
    </>
  );
}

const linesOf = (text: string): readonly string[] => [...new Set(text.split(/[\n,]/).map((line) => line.trim()).filter((line) => line !== ''))];

function EditForm({ device, close }: { readonly device: Device; close(): void }) {
  const change = useDeviceChange(device.id);
  const tell = useTell();
  const [name, setName] = useState(device.name);
  const [groups, setGroups] = useState(device.groups.join('\n'));
  const [labels, setLabels] = useState(Object.entries(device.labels).map(([key, value]) => `${key}=${value}`).join('\n'));
  const bad = linesOf(labels).find((line) => !line.includes('='));
  const save = async (): Promise<void> => {
    for (const each of changesOf(device, { name: name.trim(), groups: linesOf(groups), labels: linesOf(labels) })) await change.mutateAsync(each);
    tell('good', 'Saved. The device gets a new manifest at once.');
    close();
  };
  return (
    <form className="stack" onSubmit={(event) => {
      event.preventDefault();
      void save().catch(() => undefined);
    }}>
      <Field label="Name" value={name} required maxLength={128} onChange={(event) => setName(event.target.value)} />
      <TextArea label="Groups" value={groups} onChange={(event) => setGroups(event.target.value)} hint="One on a line. Policies reach devices by their groups, and people by theirs." spellCheck={false} />
      <TextArea label="Labels" value={labels} onChange={(event) => setLabels(event.target.value)} hint="key=value, one on a line." problem={bad === undefined ? undefined : `“${bad}” has no =`} spellCheck={false} />
      {change.error !== null && <Problem error={change.error} />}
      <div className="actions end"><Button onPress={close}>Cancel</Button><Button type="submit" tone="primary" isDisabled={bad !== undefined} isPending={change.isPending}>Save</Button></div>
    </form>
  );
}

type Wanted = { readonly name: string; readonly groups: readonly string[]; readonly labels: readonly string[] };

function changesOf(device: Device, wanted: Wanted): readonly DeviceChange[] {
  const labels = Object.fromEntries(wanted.labels.map((line) => [line.slice(0, line.indexOf('=')).trim(), line.slice(line.indexOf('=') + 1).trim()]));
  const gone = Object.fromEntries(Object.keys(device.labels).filter((key) => !Object.hasOwn(labels, key)).map((key) => [key, null]));
  const set = Object.fromEntries(Object.entries(labels).filter(([key, value]) => device.labels[key] !== value));
  const add = wanted.groups.filter((group) => !device.groups.includes(group));
  const remove = device.groups.filter((group) => !wanted.groups.includes(group));
  const changes: DeviceChange[] = [];
  if (wanted.name !== device.name) changes.push({ verb: 'rename', body: { name: wanted.name } });
  if (add.length + remove.length > 0) changes.push({ verb: 'group', body: { add, remove } });
  if (Object.keys(gone).length + Object.keys(set).length > 0) changes.push({ verb: 'label', body: { labels: { ...gone, ...set } } });
  return changes;
}

/** Two ways out of the fleet: it was handed in, or it can no longer be trusted. */
export function Retire({ device }: { readonly device: Device }) {
  const change = useDeviceChange(device.id);
  const tell = useTell();
  const [asked, setAsked] = useState<'revoke' | 'decommission'>();
  const isRevoke = asked === 'revoke';
  const act = (): Promise<unknown> => change.mutateAsync({ verb: asked ?? 'decommission', body: {} }).then(() => tell('good', isRevoke ? 'The device is revoked.' : 'The device has left the fleet.'));
  return (
    <>
      <Button onPress={() => setAsked('decommission')}>Decommission…</Button>
      <Button tone="danger" icon={<ShieldX />} onPress={() => setAsked('revoke')}>Revoke…</Button>
      <Confirm title={isRevoke ? `Revoke ${device.name}?` : `Decommission ${device.name}?`} verb={isRevoke ? 'Revoke' : 'Decommission'} typed={device.name} isOpen={asked !== undefined} close={() => setAsked(undefined)} act={act}>
        <p>{isRevoke ? 'Its connections end at once, and nothing it sends is taken any more. Use it for a machine that was lost or broken into.' : 'It leaves the fleet in peace: it was handed in or is set up anew. Its events stay.'}</p>
        <p>It cannot be undone: <strong><Inert text={device.name} /></strong> would have to be enrolled again, as a new device.</p>
      </Confirm>
    </>
  );
}
