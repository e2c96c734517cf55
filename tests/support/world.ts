// A world for each end-to-end test: see world/world.ts. This is what tests import.
export { describeRoot, obstacle } from './world/root-only.ts';
export { passwords, uids } from './world/people.ts';
export { type Place, openPlace, type Ran, waitFor, worldNode, worldRepo } from './world/place.ts';
export { runsBundles } from './programs.ts';
export { commandOf } from './world/programs.ts';
export { testPolicies } from './world/policies.ts';
export { adminPassword, serverFolder } from './world/server.ts';
export type { Service } from './world/service.ts';
export { createWorld, type EventRow, type Status, type World, type WorldOptions } from './world/world.ts';
