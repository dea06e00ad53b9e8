// Tests that kill processes, stall disks or take long: `npm run test:faults`.
const usual = require('./jest.config.js');

/** @type {import('jest').Config} */
module.exports = {
  ...usual,
  maxWorkers: '50%',
  testMatch: ['<rootDir>/test/faults/**/*.test.ts'],
  testPathIgnorePatterns: ['/node_modules/', '/dist/'],
  testTimeout: 600_000,
};
