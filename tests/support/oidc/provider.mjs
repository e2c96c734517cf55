// A real OpenID provider (oidc-provider, certified) in a process of its own. It says its issuer as soon as it listens, and is told of clients and
// people by messages: { client: {...} }, { person: 'id', claims: {...} }; each is answered with { done: true }.
import { once } from 'node:events';
import { createServer } from 'node:http';
import Provider from 'oidc-provider';

const people = new Map();
const stores = new Map();

/** What the library keeps, in memory; its own example adapter would drop the clients that come later. */
class Adapter {
  constructor(name) {
    if (!stores.has(name)) stores.set(name, new Map());
    this.held = stores.get(name);
  }
  async upsert(id, payload) {
    this.held.set(id, payload);
  }
  async find(id) {
    return this.held.get(id);
  }
  async findByUid(uid) {
    return [...this.held.values()].find((payload) => payload.uid === uid);
  }
  async findByUserCode(code) {
    return [...this.held.values()].find((payload) => payload.userCode === code);
  }
  async consume(id) {
    this.held.set(id, { ...this.held.get(id), consumed: Math.floor(Date.now() / 1000) });
  }
  async destroy(id) {
    this.held.delete(id);
  }
  async revokeByGrantId(grantId) {
    for (const [id, payload] of this.held) if (payload.grantId === grantId) this.held.delete(id);
  }
}

let handle = (_request, response) => response.end();
const server = createServer((request, response) => handle(request, response));
server.listen(0, '127.0.0.1');
await once(server, 'listening');
const issuer = `http://localhost:${server.address().port}`;

const provider = new Provider(issuer, {
  adapter: Adapter,
  clients: [],
  cookies: { keys: ['only for tests'] },
  pkce: { required: () => true },
  scopes: ['openid', 'profile', 'email', 'groups'],
  claims: { openid: ['sub'], profile: ['name', 'preferred_username', 'device_user'], email: ['email', 'email_verified'], groups: ['groups'] },
  features: { devInteractions: { enabled: true } },
  findAccount: (_context, id) => ({ accountId: id, claims: async () => ({ ...people.get(id), sub: id }) }),
});
handle = provider.callback();

process.on('message', ({ client, person, claims }) => {
  if (client !== undefined) {
    new Adapter('Client').held.set(client.client_id, client);
  }
  if (person !== undefined) people.set(person, claims);
  process.send({ done: true });
});
process.on('disconnect', () => process.exit(0));
process.send({ issuer });
