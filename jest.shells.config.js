// Completion in shells that need not be there, zsh and fish: `npm run test:shells`.
const usual = require('./jest.config.js');

/** @type {import('jest').Config} */
module.exports = {
  ...usual,
  maxWorkers: '50%',
  testMatch: ['<rootDir>/test/shells/**/*.test.ts'],
  testPathIgnorePatterns: ['/node_modules/', '/dist/'],
};
