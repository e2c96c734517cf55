import { X } from 'lucide-react';
import { createContext, type ReactNode, useCallback, useContext, useRef, useState } from 'react';
import { IconButton } from '../ui/button.tsx';
import { Notice, type NoticeTone } from '../ui/notice.tsx';

type Toast = { readonly id: number; readonly tone: NoticeTone; readonly text: ReactNode };
type Tell = (tone: NoticeTone, text: ReactNode) => void;
const Context = createContext<Tell>(() => undefined);
const SHOWN_MS = 8000;

/** Says that something was done. What went wrong is said where it was tried, and stays. */
export const useTell = (): Tell => useContext(Context);

export function ToastProvider({ children }: { readonly children: ReactNode }) {
  const [toasts, setToasts] = useState<readonly Toast[]>([]);
  const last = useRef(0);
  const drop = useCallback((id: number) => setToasts((all) => all.filter((each) => each.id !== id)), []);
  const tell = useCallback<Tell>((tone, text) => {
    const id = ++last.current;
    setToasts((all) => [...all.slice(-2), { id, tone, text }]);
    setTimeout(() => drop(id), SHOWN_MS);
  }, [drop]);
  return (
    <Context value={tell}>
      {children}
      <div className="toasts" role="status" aria-live="polite">
        {toasts.map(({ id, tone, text }) => <Notice key={id} tone={tone} action={<IconButton label="Dismiss" icon={<X />} onPress={() => drop(id)} />}>{text}</Notice>)}
      </div>
    </Context>
  );
}
