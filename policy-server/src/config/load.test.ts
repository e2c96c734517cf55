import { describe, expect, test } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { oidcProvider } from './oidc.ts';
import { configKeys, parseConfig, variableOf } from './load.ts';

const minimal = 'addresses: { fleet: "belay.example.org:7443", enrollment: "belay.example.org:7444" }\n';

describe('the configuration', () => {
  test('needs nothing but the addresses', () => {
    const loaded = parseConfig('server.yaml', minimal, {});
    expect(loaded).toMatchObject({
      ok: true,
      value: {
        config: {
          database: { url: 'sqlite', connections: 10 },
          listen: { fleet: '0.0.0.0:7443', enrollment: '0.0.0.0:7444', api: '0.0.0.0:7445' },
          devices: { silentAfter: 3_600_000, certificate: 30 * 86_400_000 },
        },
        unknownVariables: [],
      },
    });
  });

  test('names every problem with its place at once', () => {
    const text = `${minimal}listen:\n  fleet: nonsense\n  api: 1.2.3.4:1\ndevices: { silentAfter: soon }\nextra: 1\n`;
    const loaded = parseConfig('server.yaml', text, {});
    expect(loaded.ok).toBe(false);
    if (loaded.ok) return;
    expect(loaded.error.map((problem) => problem.place)).toEqual(['server.yaml:3:10', 'server.yaml:5:25', 'server.yaml:6:8']);
    expect(loaded.error[2]?.message).toMatch(/^unknown key extra; the keys are data, database\.url/);
  });

  test('is overridden by the environment, key by key', () => {
    const loaded = parseConfig('server.yaml', minimal, {
      BELAY_SERVER_DATABASE_URL: 'postgresql://belay@localhost/belay',
      BELAY_SERVER_DEVICES_SILENT_AFTER: '90s',
      BELAY_SERVER_LIMITS_EVENTS_IN_UPLOAD: '7',
      BELAY_SERVER_TLS_NAMES: 'a.example.org, 192.0.2.1',
      BELAY_SERVER_DEVICES_SILENTAFTER: '1s',
    });
    expect(loaded).toMatchObject({
      ok: true,
      value: {
        config: { database: { url: 'postgresql://belay@localhost/belay' }, devices: { silentAfter: 90_000 }, limits: { eventsInUpload: 7 }, tls: { names: ['a.example.org', '192.0.2.1'] } },
        unknownVariables: ['BELAY_SERVER_DEVICES_SILENTAFTER'],
      },
    });
  });

  test('blames the variable when the environment is wrong', () => {
    const loaded = parseConfig('server.yaml', minimal, { BELAY_SERVER_LISTEN_API: 'here' });
    expect(loaded).toMatchObject({ ok: false, error: [{ place: 'BELAY_SERVER_LISTEN_API' }] });
  });

  test('refuses a key that is given twice', () => {
    expect(parseConfig('server.yaml', `${minimal}log: {}\nlog: {}\n`, {})).toMatchObject({ ok: false, error: [{ place: 'server.yaml:3:1' }] });
  });

  test('knows how e-mail and webhooks go out, and refuses what would go out in clear', () => {
    const lines = (text: string) => parseConfig('server.yaml', `${minimal}${text}`, {});
    const faults = (text: string) => {
      const loaded = lines(text);
      return loaded.ok ? [] : loaded.error.map(({ message }) => message.split(':')[0]);
    };
    expect(lines('smtp: { host: mail.example.org, from: "Belay <belay@example.org>" }\n')).toMatchObject({ ok: true, value: { config: { smtp: { port: 587, tls: 'starttls' } } } });
    expect(lines('smtp: { host: localhost, tls: none, from: belay@example.org }\n')).toMatchObject({ ok: true });
    expect(faults('smtp: { host: mail.example.org, tls: none, from: belay@example.org }\n')).toEqual(['smtp.tls']);
    expect(faults('smtp: { host: mail.example.org }\n')).toEqual(['smtp.from']);
    expect(faults('smtp: { host: mail.example.org, from: belay@example.org, user: belay }\n')).toEqual(['smtp.passwordFile']);
    for (const from of ['a@b\\nBcc: x@y', 'a@b, c@d', '<a@b>', 'Belay', 'Be\\rlay <a@b>']) expect(faults(`smtp: { host: m, from: "${from}" }\n`)).toEqual(['smtp.from']);
    expect(faults('webhooks: { allowAddresses: [10.0.0.0/8, fd00::/8, 192.0.2.1] }\n')).toEqual([]);
    for (const range of ['10.0.0.0/33', 'intranet', '10.0.0.0/8/1']) expect(faults(`webhooks: { allowAddresses: ["${range}"] }\n`)).toEqual(['webhooks.allowAddresses.0']);
    expect(parseConfig('server.yaml', minimal, { BELAY_SERVER_WEBHOOKS_ALLOW_HTTP_TO_LOOPBACK: 'true', BELAY_SERVER_WEBHOOKS_ALLOW_ADDRESSES: '10.0.0.0/8, ::1' }))
      .toMatchObject({ ok: true, value: { config: { webhooks: { allowHttpToLoopback: true, allowAddresses: ['10.0.0.0/8', '::1'] } } } });
  });

  test('takes providers of single sign-on, from the file or as JSON from the environment', () => {
    const oidc = 'oidc:\n  - { id: corp, label: Corp, issuer: "https://login.example.org", clientId: belay }\n';
    const provider = { id: 'corp', claims: { account: 'preferred_username', groups: 'groups' }, scopes: ['openid', 'profile', 'email'], createAccounts: true, roles: [] };
    expect(parseConfig('server.yaml', minimal + oidc, {})).toMatchObject({ ok: true, value: { config: { oidc: [provider] } } });
    const variable = JSON.stringify([{ id: 'corp', label: 'Corp', issuer: 'https://login.example.org', clientId: 'belay' }]);
    expect(parseConfig('server.yaml', minimal, { BELAY_SERVER_OIDC: variable, BELAY_SERVER_PROXY_TRUSTED: '10.0.0.0/8, ::1' })).toMatchObject({ ok: true, value: { config: { oidc: [provider], proxy: { trusted: ['10.0.0.0/8', '::1'] } } } });
    for (const wrong of ['http://login.example.org', 'login.example.org', 'https://user:pw@login.example.org']) {
      expect(parseConfig('server.yaml', minimal + oidc.replace('https://login.example.org', wrong), {})).toMatchObject({ ok: false, error: [{ place: 'server.yaml:3:38' }] });
    }
    expect(parseConfig('server.yaml', minimal + oidc + oidc.slice(6), {}).ok).toBe(false);
    for (const trusted of ['10.0.0.0/33', 'proxy.example.org', '0.0.0.0/0/0']) expect(parseConfig('server.yaml', `${minimal}proxy: { trusted: ["${trusted}"] }`, {}).ok).toBe(false);
    expect(parseConfig('server.yaml', minimal, { BELAY_SERVER_OIDC: '{' })).toMatchObject({ ok: false, error: [{ place: 'BELAY_SERVER_OIDC' }] });
  });

  test('documents every key of a provider', () => {
    const page = readFileSync(new URL('../../../docs/operations.md', import.meta.url), 'utf8');
    const { claims, ...keys } = oidcProvider.shape;
    const names = [...Object.keys(keys), ...Object.keys(claims.unwrap().shape).map((key) => `claims.${key}`)];
    expect(names.filter((name) => !page.includes(`| \`${name}\` |`))).toEqual([]);
  });

  test('is documented key by key', () => {
    const page = readFileSync(new URL('../../../docs/operations.md', import.meta.url), 'utf8');
    const missing = configKeys().filter((path) => !page.includes(`\`${path.join('.')}\``) || !page.includes(`\`${variableOf(path)}\``));
    expect(missing).toEqual([]);
  });
});
