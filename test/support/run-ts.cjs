// Runs a TypeScript script in this repository: node test/support/run-ts.cjs <script.ts> [arguments]
const fs = require('node:fs');
const Module = require('node:module');
const path = require('node:path');
const { transformSync } = require('@swc/core');

const resolveFilename = Module._resolveFilename;
Module._resolveFilename = (request, parent, ...rest) => {
  const source =
    /^\.{1,2}\/.*\.js$/.test(request) &&
    path.resolve(path.dirname(parent.filename), request.replace(/\.js$/, '.ts'));
  return resolveFilename(source && fs.existsSync(source) ? source : request, parent, ...rest);
};
require.extensions['.ts'] = (module, filename) => {
  const jsc = { target: 'es2022', parser: { syntax: 'typescript', decorators: true } };
  const options = { filename, swcrc: false, sourceMaps: 'inline', module: { type: 'commonjs' }, jsc };
  module._compile(transformSync(fs.readFileSync(filename, 'utf8'), options).code, filename);
};
process.argv.splice(1, 1);
require(path.resolve(process.argv[1]));
