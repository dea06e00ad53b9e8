// What is operated, with PgBouncer, PostgreSQL 15 and Prometheus and Alertmanager of Debian, which need not be there: `npm run test:operations`.
const usual = require('./jest.config.js');

/** @type {import('jest').Config} */
module.exports = {
  ...usual,
  maxWorkers: '50%',
  testMatch: ['<rootDir>/test/operations/**/*.test.ts'],
  testPathIgnorePatterns: ['/node_modules/', '/dist/'],
};
