import { Check, Copy } from 'lucide-react';
import { useState } from 'react';
import { IconButton } from './button.tsx';

/** A command or an id with a button that copies it. */
export function Copyable({ text, label, isBlock = false }: { readonly text: string; readonly label: string; readonly isBlock?: boolean }) {
  const [isCopied, setCopied] = useState(false);
  const copy = async (): Promise<void> => {
    await navigator.clipboard.writeText(text);
    setCopied(true);
    setTimeout(() => setCopied(false), 2000);
  };
  return (
    <span className={isBlock ? 'copyable block' : 'copyable'}>
      <code tabIndex={isBlock ? 0 : undefined}>{text}</code>
      <IconButton label={isCopied ? `${label}: copied` : `Copy ${label}`} icon={isCopied ? <Check /> : <Copy />} onPress={() => void copy().catch(() => undefined)} />
    </span>
  );
}
