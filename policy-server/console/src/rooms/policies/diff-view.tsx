import type { PolicyChange } from '../../api/types.ts';
import { Badge } from '../../ui/badge.tsx';
import { Empty } from '../../ui/empty.tsx';
import { Inert } from '../../ui/inert-text.tsx';
import { Section } from '../../ui/page.tsx';

const TONES = { added: 'good', changed: 'info', removed: 'bad', unchanged: 'neutral' } as const;
const WORDS: Readonly<Record<string, string>> = { '+': 'added', '-': 'removed' };

export function Changes({ changes }: { readonly changes: readonly PolicyChange[] }) {
  const real = changes.filter(({ change }) => change !== 'unchanged');
  if (real.length === 0) return <Empty title="Nothing differs">Both versions say the same.</Empty>;
  return <>{real.map(({ name, change, diff }) => <Section key={name} title={name} aside={<Badge tone={TONES[change]}>{change}</Badge>}><Diff text={diff} name={name} /></Section>)}</>;
}

function Diff({ text, name }: { readonly text: string; readonly name: string }) {
  return (
    <div className="source" role="region" aria-label={`Difference of ${name}`} tabIndex={0}>
      <div className="source-lines">
        {text.replace(/\n$/, '').split('\n').map((line, index) => {
          const mark = line.startsWith('@@') ? '@' : (line[0] ?? ' ');
          return <div key={index} className={`diff-line ${mark === '+' ? 'plus' : mark === '-' ? 'minus' : mark === '@' ? 'place' : ''}`}>{WORDS[mark] !== undefined && <span className="visually-hidden">{WORDS[mark]}: </span>}<code><Inert text={line} /></code></div>;
        })}
      </div>
    </div>
  );
}
