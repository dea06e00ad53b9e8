// Tests that kill processes, stall disks or take long: `npm run test:faults`.
const fs = require('node:fs');
const path = require('node:path');
const usual = require('./jest.config.js');

const folder = path.join(__dirname, 'test/faults');

/** @type {import('jest').Config} */
module.exports = {
  ...usual,
  testMatch: ['<rootDir>/test/faults/**/*.test.ts'],
  testPathIgnorePatterns: ['/node_modules/', '/dist/'],
  testTimeout: 120_000,
  // Once the folder exists, finding no test in it is an error.
  passWithNoTests: !fs.existsSync(folder),
};
