import { EVENT_TYPES, type EventType } from '@belay/core/event-types';
import type { EventView, FieldView } from '../../api/types.ts';
import { Inert } from '../../ui/inert-text.tsx';
import { duration } from '../../ui/time.tsx';

const isKnown = (type: string): type is EventType => Object.hasOwn(EVENT_TYPES, type);
const textsOf = (value: FieldView | undefined): readonly string[] => (Array.isArray(value) ? value.map(String) : value === undefined || value === null ? [] : [String(value)]);

/** What happened, for people: of an elevation its command, else the catalogue's words. */
export function EventWords({ event: { type, summary, fields } }: { readonly event: Pick<EventView, 'type' | 'summary' | 'fields'> }) {
  const command = [...textsOf(fields['command']), ...textsOf(fields['argv'])].filter((part) => part !== '');
  if (command.length > 0) return <><Inert text={command.join(' ')} strict /> <span className="faint"><Inert text={[...textsOf(fields['why']), ...textsOf(fields['rules'])].join(', ')} /></span></>;
  if (type === 'elevation.outcome') return <>{outcome(fields)} <span className="faint">after {duration(Number(fields['durationMs'] ?? 0))}</span></>;
  return <>{isKnown(type) ? EVENT_TYPES[type].about : type}{summary !== '' && <span className="faint"> <Inert text={summary} /></span>}</>;
}

function outcome({ end, value }: EventView['fields']): string {
  if (end === 'exited') return value === 0 ? 'The command ended well' : `The command ended with ${String(value)}`;
  if (end === 'signaled') return `The command was ended by signal ${String(value)}`;
  return `The command ended: ${String(end)}`;
}
