import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

const projectRoot = dirname(import.meta.dirname);
let folder: string;

/** One file for each way to break a layer; paths as in the real tree. */
const sources = {
  'core/src/bad.ts': "import 'node:crypto'; import 'pino'; import '../../agent/src/decide/decide.ts'; import 'zod';",
  'core/src/bad.test.ts': "import 'node:crypto'; import 'fast-check';",
  'core/src/circle.ts': "import './ring.ts';",
  'core/src/ring.ts': "import './circle.ts';",
  'agent/src/belayd/main.ts': "import '../decide/decide.ts'; import '../platform/linux/peer.ts'; import '../uplink/frames.ts'; import 'node:net';",
  'agent/src/decide/decide.ts': "import 'koffi'; export const late = await import('node:child_process');",
  'agent/src/decide/inventory.ts': "import 'systeminformation';",
  'agent/src/platform/linux/peer.ts': "import 'koffi'; import '../../decide/inventory.ts';",
  'agent/src/uplink/main.ts': "import '../decide/decide.ts'; import 'better-sqlite3'; import '@grpc/grpc-js';",
  'agent/src/uplink/frames.ts': 'export const frame = 1;',
  'agent/src/uplink/fleet.ts': "import type { Server } from '../../../policy-server/src/http/server.ts';",
  'policy-server/src/http/server.ts': "export type Server = 1; import '../features/events/list.ts';",
  'policy-server/src/features/events/list.ts': "import { type Kysely } from 'kysely'; import type { Pool } from 'pg'; import '../../fleet/serve.ts'; import './gone.ts';",
  'policy-server/src/fleet/serve.ts': "import '../../../agent/src/decide/inventory.ts'; import '../../../tests/support/world.ts';",
  'policy-server/src/store/open.ts': "import 'kysely'; import 'pg'; import 'better-sqlite3';",
  'tests/support/world.ts': "import 'node:child_process';",
};

type Cruise = { readonly summary: { readonly violations: readonly { readonly rule: { readonly name: string }; readonly from: string; readonly to: string }[] } };

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'belay-layers-'));
  symlinkSync(join(projectRoot, 'node_modules'), join(folder, 'node_modules'));
  for (const [name, text] of Object.entries(sources)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), `${text}\n`);
  }
});

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

test('every layer rule sees the import that breaks it, and no other', () => {
  const program = join(projectRoot, 'node_modules', 'dependency-cruiser', 'bin', 'dependency-cruiser.mjs');
  const config = join(projectRoot, '.dependency-cruiser.cjs');
  const args = [program, '--config', config, '--output-type', 'json', 'core', 'agent', 'policy-server', 'tests'];
  const result = spawnSync(process.execPath, args, { cwd: folder, encoding: 'utf8', timeout: 50_000 });
  const cruise = JSON.parse(result.stdout) as Cruise;
  const found = cruise.summary.violations.map(({ rule, from, to }) => `${rule.name}: ${from} → ${to.replace(/^.*node_modules\/((@[^/]+\/)?[^/]+)\/.*$/, '$1')}`);
  expect([...new Set(found)].sort()).toEqual(
    [
      'agent-not-server: agent/src/uplink/fleet.ts → policy-server/src/http/server.ts',
      'belayd-no-network-no-children: agent/src/belayd/main.ts → child_process',
      'belayd-no-network-no-children: agent/src/belayd/main.ts → systeminformation',
      'belayd-not-uplink: agent/src/belayd/main.ts → agent/src/uplink/frames.ts',
      'core-is-innermost: core/src/bad.ts → agent/src/decide/decide.ts',
      'core-no-platform: core/src/bad.ts → crypto',
      'core-pure-libraries: core/src/bad.ts → pino',
      'features-not-transport: policy-server/src/features/events/list.ts → policy-server/src/fleet/serve.ts',
      'koffi-in-platform: agent/src/decide/decide.ts → koffi',
      'no-circular: core/src/circle.ts → core/src/ring.ts',
      'no-test-code-in-products: policy-server/src/fleet/serve.ts → tests/support/world.ts',
      'not-unresolvable: policy-server/src/features/events/list.ts → ./gone.ts',
      'server-not-agent: policy-server/src/fleet/serve.ts → agent/src/decide/inventory.ts',
      'server-sql-in-store: policy-server/src/features/events/list.ts → kysely',
      'server-sql-in-store: policy-server/src/features/events/list.ts → pg',
      'uplink-cannot-decide: agent/src/uplink/main.ts → agent/src/decide/decide.ts',
      'uplink-cannot-decide: agent/src/uplink/main.ts → better-sqlite3',
    ].sort(),
  );
});
