import type { LintFinding } from '@belay/core/policy-tools';
import { Fragment } from 'react';
import { Badge } from '../../ui/badge.tsx';
import { Inert } from '../../ui/inert-text.tsx';

const TONES: Readonly<Record<string, 'bad' | 'warn' | 'info'>> = { error: 'bad', warning: 'warn', note: 'info' };

/** A policy to read: line numbers one can link to, and what is doubtful under the line it is about. */
export function SourceView({ text, findings = [] }: { readonly text: string; readonly findings?: readonly LintFinding[] }) {
  const lines = text.replace(/\n$/, '').split('\n');
  const byLine = Map.groupBy(findings, ({ line }) => line);
  return (
    <div className="source" role="region" aria-label="Source" tabIndex={0}>
      <div className="source-lines">
        {lines.map((line, index) => (
          <Fragment key={index}>
            <div className={byLine.has(index + 1) ? 'source-line marked' : 'source-line'} id={`L${index + 1}`}><a className="line-number" href={`#L${index + 1}`} aria-label={`Line ${index + 1}`}>{index + 1}</a><code><Yaml line={line} /></code></div>
            {byLine.get(index + 1)?.map((finding, at) => <Finding key={at} finding={finding} />)}
          </Fragment>
        ))}
      </div>
    </div>
  );
}

function Finding({ finding: { code, severity, message, reason, rewrite, accepted } }: { readonly finding: LintFinding }) {
  return (
    <div className={`finding ${accepted === undefined ? (TONES[severity] ?? 'info') : 'accepted'}`}>
      <p><Badge tone={accepted === undefined ? (TONES[severity] ?? 'info') : 'neutral'}>{accepted === undefined ? severity : 'accepted'}</Badge> <strong><Inert text={message} /></strong> <code className="faint">{code}</code></p>
      <p><Inert text={accepted === undefined ? reason : `Accepted because ${accepted.because}`} /></p>
      {rewrite !== undefined && accepted === undefined && <><p>Better: <Inert text={rewrite.reason} /></p><pre><Inert text={rewrite.text.trimEnd()} className="keep-lines" /></pre></>}
    </div>
  );
}

const PARTS = /^(\s*)(- )?((?:"[^"]*"|[\w/.-]+):)?(.*?)(\s#.*)?$/;

/** Just enough colour to read by: keys, and comments. */
function Yaml({ line }: { readonly line: string }) {
  if (line.trimStart().startsWith('#')) return <span className="y-comment"><Inert text={line} /></span>;
  const [, blank = '', dash = '', key = '', rest = '', comment = ''] = PARTS.exec(line) ?? [undefined, '', '', '', line, ''];
  return <>{blank}{dash !== '' && <span className="y-mark">{dash}</span>}{key !== '' && <span className="y-key"><Inert text={key} /></span>}<Inert text={rest} />{comment !== '' && <span className="y-comment"><Inert text={comment} /></span>}</>;
}
