import { piecesOf } from './inert.ts';

/** What somebody else wrote. Always text, in a direction of its own; what cannot be seen is named. */
export function Inert({ text, strict = false, className }: { readonly text: string; readonly strict?: boolean; readonly className?: string }) {
  return (
    <bdi className={className === undefined ? 'inert' : `inert ${className}`}>
      {piecesOf(text, strict).map((piece, index) => (piece.kind === 'text'
        ? piece.text
        : <span key={index} className={piece.kind} title={piece.title}>{piece.text}</span>))}
    </bdi>
  );
}
