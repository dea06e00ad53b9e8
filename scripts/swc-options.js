// How TypeScript becomes JavaScript in tests and in the processes they start; tsconfig.base.json says the same to tsc.
exports.swcOptions = (decorators) => ({
  swcrc: false,
  sourceMaps: 'inline',
  module: { type: 'commonjs' },
  jsc: {
    target: 'es2022',
    parser: { syntax: 'typescript', decorators: true },
    transform: { useDefineForClassFields: true, ...decorators },
    keepClassNames: true,
  },
});
