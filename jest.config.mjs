// Runs on Node's ES modules (`--experimental-vm-modules`); swc only strips the types.

export default {
  testEnvironment: 'node',
  testMatch: ['**/*.test.ts'],
  testPathIgnorePatterns: ['/node_modules/', '/dist/'],
  modulePathIgnorePatterns: ['<rootDir>/dist/', '<rootDir>/agent/native/build/'],
  watchPathIgnorePatterns: ['<rootDir>/dist/'],
  extensionsToTreatAsEsm: ['.ts'],
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      {
        swcrc: false,
        sourceMaps: 'inline',
        jsc: {
          target: 'esnext',
          parser: { syntax: 'typescript', importAttributes: true },
          experimental: { keepImportAttributes: true },
        },
        module: { type: 'es6' },
      },
    ],
  },
  // Ends what hangs: no test is about time, and a machine may be slow.
  testTimeout: process.env.BELAY_SOAK === '1' ? 6 * 60 * 60_000 : 600_000,
  // A fixed two: on two cores jest's own choice is one.
  maxWorkers: 2,
};
