// The layers: arrows point inwards only (platform and transport → features → core). Every rule states its reason.
const test = '\\.test\\.ts$';

/** What belayd must never load, however far down the imports. */
const forbiddenInBelayd = [
  '^(node:)?(http|https|http2|tls|dgram|child_process|cluster|inspector)(/|$)',
  'node_modules/(@grpc/grpc-js|systeminformation)/',
];

module.exports = {
  forbidden: [
    {
      name: 'core-no-platform',
      comment: 'core runs in agent, server, CLI and browser and must answer alike in each: no Node module, so no clock, no randomness, no I/O.',
      severity: 'error',
      from: { path: '^core/src/', pathNot: test },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'core-pure-libraries',
      comment: 'Everything in core is loaded by the root process: only the few libraries that are pure and were read may be used.',
      severity: 'error',
      from: { path: '^core/src/', pathNot: test },
      to: {
        path: 'node_modules/',
        pathNot: 'node_modules/(@bufbuild/cel|@bufbuild/cel-spec|@bufbuild/protobuf|@bufbuild/re2|cborg|zod|yaml)/',
      },
    },
    {
      name: 'core-is-innermost',
      comment: 'Mechanism never imports product: core knows neither agent, server, nor the wire.',
      severity: 'error',
      from: { path: '^core/src/', pathNot: test },
      to: { path: '^(agent|policy-server|proto|tests|bench|tools|core/node)/' },
    },
    {
      name: 'belayd-no-network-no-children',
      comment:
        'belayd is root: it parses nothing from a network and starts no children, as a child inherits its confinement; the uplink and belay-launch do that.',
      severity: 'error',
      from: { path: '^agent/src/belayd/main\\.ts$' },
      to: { path: forbiddenInBelayd, reachable: true },
    },
    {
      name: 'belayd-not-uplink',
      comment: 'The uplink parses bytes from the network; its code has no place in the root process.',
      severity: 'error',
      from: { path: '^agent/src/belayd/main\\.ts$' },
      to: { path: '^agent/src/uplink/', reachable: true },
    },
    {
      name: 'uplink-cannot-decide',
      comment: 'The uplink can delay or drop, never forge: it holds no code that decides, launches, or writes journal and state.',
      severity: 'error',
      from: { path: '^agent/src/uplink/', pathNot: test },
      to: { path: ['^agent/src/(decide|intercept|journal|launch|state|belayd)/', 'node_modules/better-sqlite3/'] },
    },
    {
      name: 'agent-not-server',
      comment: 'Agent and server meet in core and proto only; either may be released without the other.',
      severity: 'error',
      from: { path: '^agent/', pathNot: test },
      to: { path: '^policy-server/' },
    },
    {
      name: 'server-not-agent',
      comment: 'Agent and server meet in core and proto only; either may be released without the other.',
      severity: 'error',
      from: { path: '^policy-server/', pathNot: test },
      to: { path: '^agent/' },
    },
    {
      name: 'console-in-the-browser',
      comment: 'The console runs in a browser: it knows core and its own files, and speaks to the server over HTTP like everybody else.',
      severity: 'error',
      from: { path: '^policy-server/console/src/', pathNot: test },
      to: { path: ['^(agent|proto|tests|bench|tools)/', '^policy-server/(src|cli)/', '^core/node/'] },
    },
    {
      name: 'console-no-node',
      comment: 'What only Node has would fail in the browser, and only there.',
      severity: 'error',
      from: { path: '^policy-server/console/src/', pathNot: test },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'server-not-console',
      comment: 'The server serves the console as files that were built; it never loads its code.',
      severity: 'error',
      from: { path: '^policy-server/(src|cli)/', pathNot: test },
      to: { path: '^policy-server/console/' },
    },
    {
      name: 'koffi-in-platform',
      comment: 'Calls into C can do anything to the process: one folder to read for them, and the only one that knows an operating system.',
      severity: 'error',
      from: { path: '^(agent|policy-server|core)/', pathNot: ['^agent/src/platform/', test] },
      to: { path: 'node_modules/koffi/' },
    },
    {
      name: 'server-sql-in-store',
      comment: 'Two databases hide behind the store; SQL elsewhere would be tried on one of them only.',
      severity: 'error',
      from: { path: '^policy-server/', pathNot: ['^policy-server/src/store/', test] },
      to: { path: 'node_modules/(kysely|pg|pg-cursor|better-sqlite3|@types/pg|@types/pg-cursor|@types/better-sqlite3)/' },
    },
    {
      name: 'features-not-transport',
      comment: 'A feature does not know who calls it: HTTP and gRPC depend on features, never the other way round.',
      severity: 'error',
      from: { path: '^policy-server/src/features/', pathNot: test },
      to: { path: '^policy-server/src/(http|fleet)/' },
    },
    {
      name: 'no-test-code-in-products',
      comment: 'Fakes and fixtures never ship.',
      severity: 'error',
      from: { path: '^(core|agent|policy-server|proto)/', pathNot: test },
      to: { path: ['^(tests|bench)/', test] },
    },
    {
      name: 'no-circular',
      comment: 'A circle has no inside: its files can be neither understood nor loaded one by one.',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'not-unresolvable',
      comment: 'An import that does not resolve escapes every rule above.',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
  ],
  options: {
    parser: 'swc',
    doNotFollow: { path: ['node_modules/'] },
    // Only our own bundles: most libraries live in a dist folder of theirs, and must be seen.
    exclude: { path: ['^dist/', '^agent/native/build/'] },
    combinedDependencies: true,
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default'],
      extensions: ['.ts', '.tsx', '.mts', '.js', '.mjs', '.cjs', '.json'],
      mainFields: ['module', 'main'],
    },
  },
};
