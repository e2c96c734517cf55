import { Dialog } from '../ui/dialog.tsx';
import { Check } from '../ui/field.tsx';
import type { ShortcutGroup } from './shortcut.ts';

type Props = { readonly groups: readonly ShortcutGroup[] | undefined; readonly isOn: boolean; turn(on: boolean): void; close(): void };

export function ShortcutHelp({ groups, isOn, turn, close }: Props) {
  return (
    <Dialog title="Keyboard shortcuts" isOpen={groups !== undefined} close={close}>
      <div className="stack">
        {groups?.map(({ title, shortcuts }) => (
          <section key={title} aria-label={title}>
            <h3>{title}</h3>
            <dl className="keys">{shortcuts.map(({ keys, label }) => <div key={keys}><dt>{keys.split(' ').map((key) => <kbd key={key}>{key}</kbd>)}</dt><dd>{label}</dd></div>)}</dl>
          </section>
        ))}
        <Check label="Single-key shortcuts are on" checked={isOn} onChange={(event) => turn(event.target.checked)} />
      </div>
    </Dialog>
  );
}
