// docs/openapi.json from the shapes of the routes. `--check` compares and exits 1 when it is out of date.
import { join } from 'node:path';
import { parseConfig } from '../policy-server/src/config/load.ts';
import { webPlace } from '../policy-server/src/config/web-place.ts';
import { openApiDocument } from '../policy-server/src/http/openapi.ts';
import { allRoutes } from '../policy-server/src/http/routes.ts';
import { VERSION } from '../policy-server/src/version.ts';
import { writeOrCheck } from './generated-document.mjs';
import { projectRoot } from './node26.mjs';

/** Stands for a database, keys and all else that routes are made with and that nothing is asked of here. */
const nothing = new Proxy(() => undefined, { get: (_target, name) => (typeof name === 'symbol' ? undefined : nothing), apply: () => nothing });

export function openApiText() {
  const { value: { config } } = parseConfig('none', 'addresses: { fleet: "belay.example.org:7443", enrollment: "belay.example.org:7444" }', {});
  const context = { config, log: nothing, clock: () => 0, store: nothing, keys: nothing, secrets: nothing, serverEvents: nothing, publisher: nothing, metrics: nothing, version: VERSION };
  return `${JSON.stringify(openApiDocument(allRoutes(context, () => webPlace(config)), VERSION), null, 1)}\n`;
}

export const openApiFile = join(projectRoot, 'docs', 'openapi.json');

writeOrCheck(import.meta.url, openApiFile, openApiText);
