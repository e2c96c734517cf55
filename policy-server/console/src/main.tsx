import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { ApiProblem } from './api/client.ts';
import { SessionGate } from './session/session.tsx';
import { Shell } from './shell/shell.tsx';
import { ShortcutProvider } from './shell/shortcuts.tsx';
import { applyTheme } from './shell/theme.ts';
import { ToastProvider } from './shell/toasts.tsx';
import './styles/tokens.css';
import './styles/base.css';
import './styles/controls.css';
import './styles/shell.css';
import './styles/table.css';
import './styles/rooms.css';

// Zod, which comes with core, would try whether it may make functions out of text; the content security policy says no, loudly.
Object.assign(globalThis, { __zod_globalConfig: { jitless: true } });
applyTheme();

// What the browser believes of the network is not asked: the server may be on this very machine.
const networkMode = 'always';

/** A refusal stays one; what was not reached is worth a second try. */
const client = new QueryClient({
  defaultOptions: {
    queries: { networkMode, staleTime: 10_000, retry: (failures, error) => failures < 2 && error instanceof ApiProblem && (error.problem.status === 0 || error.problem.status >= 502) },
    mutations: { networkMode },
  },
});

createRoot(document.getElementById('root') as HTMLElement).render(
  <StrictMode>
    <QueryClientProvider client={client}>
      <ToastProvider>
        <ShortcutProvider>
          <SessionGate><Shell /></SessionGate>
        </ShortcutProvider>
      </ToastProvider>
    </QueryClientProvider>
  </StrictMode>,
);
