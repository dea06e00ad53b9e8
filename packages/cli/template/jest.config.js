// swc compiles each test file; it must be told what tsconfig.json says of decorators. Types are checked by `npm run build`.
const swc = {
  jsc: {
    target: 'es2022',
    parser: { syntax: 'typescript', decorators: true },
    transform: { legacyDecorator: true },
  },
};

/** @type {import('jest').Config} */
module.exports = {
  roots: ['<rootDir>/src'],
  transform: { '\\.ts$': ['@swc/jest', swc] },
};
