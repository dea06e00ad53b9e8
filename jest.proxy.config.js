// PostgreSQL behind PgBouncer, which need not be there: `npm run test:proxy`.
const usual = require('./jest.config.js');

/** @type {import('jest').Config} */
module.exports = {
  ...usual,
  testMatch: ['<rootDir>/test/proxy/**/*.test.ts'],
  testPathIgnorePatterns: ['/node_modules/', '/dist/'],
};
