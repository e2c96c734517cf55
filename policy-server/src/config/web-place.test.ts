import { expect, test } from '@jest/globals';
import { webPlace } from './web-place.ts';

const place = (fleet: string, api: string, web?: string, port?: number) => webPlace({ addresses: { fleet, enrollment: fleet, web }, listen: { fleet, enrollment: fleet, api } }, port);

test('the console is where the configuration says, or at the fleet\'s host and the port that is listened on', () => {
  expect(place('belay.example.org:7443', '0.0.0.0:7445')).toEqual({ origin: 'https://belay.example.org:7445', host: 'belay.example.org', takesPasskeys: true });
  expect(place('belay.example.org:7443', '0.0.0.0:7445', 'Console.example.org:443')).toEqual({ origin: 'https://console.example.org', host: 'console.example.org', takesPasskeys: true });
  expect(place('localhost:1', '127.0.0.1:0', undefined, 4711).origin).toBe('https://localhost:4711');
  expect(place('[2001:db8::1]:7443', '[::]:7445')).toEqual({ origin: 'https://[2001:db8::1]:7445', host: '2001:db8::1', takesPasskeys: false });
  expect(place('192.0.2.1:7443', '[::]:7445').takesPasskeys).toBe(false);
});
