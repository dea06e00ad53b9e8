// PostgreSQL as it is operated, with PgBouncer and Debian's PostgreSQL 15, which need not be there: `npm run test:operations`.
const usual = require('./jest.config.js');

/** @type {import('jest').Config} */
module.exports = {
  ...usual,
  testMatch: ['<rootDir>/test/operations/**/*.test.ts'],
  testPathIgnorePatterns: ['/node_modules/', '/dist/'],
};
