import { describe, expect, test } from '@jest/globals';
import { type AddressRules, checkAddress, isAllowedAddress, parseWebhookUrl } from './webhook-address.ts';

const strict: AddressRules = { allowAddresses: [], allowHttpToLoopback: false };
const relay: AddressRules = { allowAddresses: [], allowHttpToLoopback: true };

describe('which addresses a webhook may call', () => {
  test.each([
    '0.0.0.0', '10.1.2.3', '100.64.0.1', '127.0.0.1', '127.255.255.255', '169.254.169.254', '172.16.0.1', '172.31.255.255', '192.0.0.8', '192.0.2.1', '192.168.1.1', '198.18.0.1', '203.0.113.9',
    '224.0.0.1', '255.255.255.255', '::', '::1', '::ffff:10.0.0.1', '::ffff:7f00:1', '::127.0.0.1', '64:ff9b::a00:1', 'fc00::1', 'fd12::1', 'fe80::1', 'ff02::1', '2001::1', '2001:db8::1', '2002:7f00:1::', '3fff::1', '5f00::1',
  ])('not %s', (address) => {
    expect(isAllowedAddress(address, false, strict)).toBe(false);
  });

  test.each(['1.1.1.1', '100.63.255.255', '172.32.0.1', '192.0.1.1', '223.255.255.255', '2606:4700::1', '2a00::1', '::ffff:1.1.1.1'])('but %s', (address) => {
    expect(isAllowedAddress(address, false, strict)).toBe(true);
  });

  test('and what the configuration allows, by https alone', () => {
    const rules = { allowAddresses: ['10.2.0.0/16', 'fd00::/8', '127.0.0.1'], allowHttpToLoopback: false };
    expect(['10.2.3.4', '::ffff:10.2.3.4', 'fd01::1', '127.0.0.1'].map((each) => isAllowedAddress(each, false, rules))).toEqual([true, true, true, true]);
    expect(['10.3.0.1', '127.0.0.2', 'fc00::1'].map((each) => isAllowedAddress(each, false, rules))).toEqual([false, false, false]);
    expect(isAllowedAddress('127.0.0.1', true, rules)).toBe(false);
    expect(['127.0.0.1', '::1', '10.2.3.4', '1.1.1.1'].map((each) => isAllowedAddress(each, true, { ...rules, allowHttpToLoopback: true }))).toEqual([true, true, false, false]);
  });
});

test.each(['', 'example.org', 'http://example.org/', 'ftp://example.org/', 'https://user@example.org/', 'https://:x@example.org/', 'https://example.org/#part', 'https://exa mple.org/', 'https://example.org/\n', 'file:///etc/passwd', `https://example.org/${'x'.repeat(3000)}`])('%j is no URL of a webhook', (url) => {
  expect(parseWebhookUrl(url, strict).ok).toBe(false);
});

test('numbers written in other ways are the addresses they are', async () => {
  for (const host of ['0x7f.1', '2130706433', '0177.0.0.1', '127.1', '[::ffff:127.0.0.1]', '[::1]', '0']) {
    const url = parseWebhookUrl(`https://${host}/`, strict);
    expect([host, url.ok && (await checkAddress(url.value, strict)).ok]).toEqual([host, false]);
  }
});

test('the name is resolved once, every address of it counts, and those that were checked are answered', async () => {
  const url = new URL('https://hooks.example.org/x');
  let asked = 0;
  const answers = (...addresses: readonly string[]) => async () => {
    asked++;
    return addresses.map((address) => ({ address }));
  };
  expect(await checkAddress(url, strict, answers('1.1.1.1', '2606:4700::1'))).toEqual({ ok: true, value: { url, addresses: [{ address: '1.1.1.1', family: 4 }, { address: '2606:4700::1', family: 6 }] } });
  expect(asked).toBe(1);
  expect((await checkAddress(url, strict, answers('1.1.1.1', '10.0.0.1'))).ok).toBe(false);
  expect((await checkAddress(url, strict, answers())).ok).toBe(false);
  expect((await checkAddress(new URL('http://localhost/'), relay, answers('127.0.0.1', '::1'))).ok).toBe(true);
  expect((await checkAddress(new URL('http://localhost/'), relay, answers('10.0.0.1'))).ok).toBe(false);
  const failing = async () => Promise.reject(Object.assign(new Error('no'), { code: 'ENOTFOUND' }));
  expect(await checkAddress(url, strict, failing)).toEqual({ ok: false, error: 'hooks.example.org cannot be resolved (ENOTFOUND)' });
});
