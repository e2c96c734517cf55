import type { Argument } from '../../api/types.ts';
import { bytesOfBase64, textOfBytes } from '../../ui/inert.ts';
import { Inert } from '../../ui/inert-text.tsx';

/** The exact command: each argument by itself, so that a blank inside one is not taken for the end of it. */
export function ArgumentList({ executable, argv }: { readonly executable: string; readonly argv: readonly Argument[] }) {
  return (
    <ol className="argv" aria-label="The exact command">
      <li className="program"><code><Inert text={executable} strict /></code></li>
      {argv.map(({ exact }, index) => <One key={index} exact={exact} />)}
    </ol>
  );
}

function One({ exact }: { readonly exact: string }) {
  const { text, isText } = textOfBytes(bytesOfBase64(exact));
  if (text === '') return <li><code className="faint">empty</code></li>;
  const core = text.trim();
  const [before, after] = core === '' ? [text, ''] : [text.slice(0, text.indexOf(core)), text.slice(text.indexOf(core) + core.length)];
  return (
    <li title={isText ? undefined : 'These bytes are not text; each is shown as \\xNN.'}>
      <code><Blanks text={before} /><Inert text={core} strict {...(isText ? {} : { className: 'not-text' })} /><Blanks text={after} /></code>
    </li>
  );
}

/** Blanks at either end are there to be overlooked. */
function Blanks({ text }: { readonly text: string }) {
  return text === '' ? null : <span className="odd" title="blanks"><Inert text={text.replaceAll(' ', '·')} /></span>;
}
