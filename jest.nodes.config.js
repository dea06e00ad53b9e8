const config = require('./jest.config.js');

/**
 * The tests on other versions of Node. What is said of sources, documents and benchmarks is the same on every one, and so is what
 * PostgreSQL's store asks of two servers: there it is used by the tests of everything else.
 */
module.exports = {
  ...config,
  testPathIgnorePatterns: [
    ...config.testPathIgnorePatterns,
    '<rootDir>/test/house/',
    '<rootDir>/test/docs/',
    '<rootDir>/test/bench/',
    '<rootDir>/packages/postgres/',
    '<rootDir>/test/conformance/postgres',
  ],
};
