import { readFileSync } from 'node:fs';
import type { ServerContext } from '../../context.ts';
import { createAudience } from './audience.ts';
import type { Deliver } from './delivery.ts';
import { createMailer } from './mailer.ts';
import { createWebhookSender, type WebhookSender } from './webhook-sender.ts';
import { createNoticeWorker } from './worker.ts';

export type RunningNotices = { close(): Promise<void> };

export function webhookSender(context: ServerContext): WebhookSender {
  const { webhooks } = context.config;
  const authorities = webhooks.authorities === undefined ? undefined : readFileSync(webhooks.authorities, 'utf8');
  return createWebhookSender({ ...context, rules: webhooks, authorities });
}

/** Begins to deliver. `console`: where links lead. Throws when a file that the configuration names cannot be read. */
export function startNotices(context: ServerContext, console: string): RunningNotices {
  const { config, clock } = context;
  const mailer = createMailer({ smtp: config.smtp, console, clock });
  const sender = webhookSender(context);
  // Letters of a time when there was a mail server: nobody waits for them any more.
  const withoutMail: Deliver = () => Promise.resolve({ kind: 'dropped' });
  const worker = createNoticeWorker({
    ...context,
    audience: mailer === undefined ? undefined : createAudience(),
    deliver: { email: mailer === undefined ? withoutMail : (delivery) => mailer.deliver(delivery), webhook: (delivery, signal) => sender.deliver(delivery, signal) },
  });
  return {
    async close() {
      await worker.close();
      mailer?.close();
    },
  };
}
