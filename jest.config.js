const { swcOptions } = require('./scripts/swc-options.js');

/** @type {import('jest').Config} */
module.exports = {
  rootDir: __dirname,
  roots: ['<rootDir>/packages', '<rootDir>/test', '<rootDir>/examples'],
  testEnvironment: 'node',
  globalSetup: '<rootDir>/test/support/shared-postgres.js',
  globalTeardown: '<rootDir>/test/support/shared-postgres-end.js',
  setupFiles: ['<rootDir>/scripts/forget-contexts.js'],
  testMatch: ['**/*.test.ts'],
  // How busy the machine is says nothing about the code. What never ends is killed by .ci/run.
  testTimeout: 300_000,
  // Many tests wait for a server or a process: of two cores Jest would use one.
  maxWorkers: '100%',
  // Of test files something stays in memory.
  workerIdleMemoryLimit: '1GB',
  testPathIgnorePatterns: [
    '/node_modules/',
    '/dist/',
    '<rootDir>/test/faults/',
    '<rootDir>/test/operations/',
    '<rootDir>/test/shells/',
  ],
  modulePathIgnorePatterns: ['<rootDir>/packages/[^/]+/dist/'],
  moduleFileExtensions: ['ts', 'js', 'cjs', 'mjs', 'json', 'node'],
  moduleNameMapper: {
    '^@backstory/([^/]+)$': '<rootDir>/packages/$1/src/index.ts',
    '^@backstory/([^/]+)/(.+)$': '<rootDir>/packages/$1/src/$2.ts',
    '^backstory$': '<rootDir>/packages/backstory/src/index.ts',
    '^backstory/([a-z-]+)$': '<rootDir>/packages/backstory/src/$1.ts',
  },
  resolver: '<rootDir>/scripts/jest-resolver.js',
  // The first pattern that matches a file wins.
  transform: {
    '\\.tc39\\.test\\.ts$': [
      '@swc/jest',
      swcOptions({ legacyDecorator: false, decoratorVersion: '2022-03' }),
    ],
    '\\.ts$': ['@swc/jest', swcOptions({ legacyDecorator: true, decoratorMetadata: true })],
  },
};
