// Lets plain `node -r` run our TypeScript: compiled as the tests are, `./x.js` read as `./x.ts`.
// Packages (`@backstory/core`) are not mapped to their sources: a child process uses what was built.
const fs = require('node:fs');
const Module = require('node:module');
const path = require('node:path');
const swc = require('@swc/core');
const { swcOptions } = require('../../scripts/swc-options.js');

const resolve = Module._resolveFilename;
Module._resolveFilename = function (request, parent, ...rest) {
  const ours = /^\.{1,2}\/.*\.js$/.test(request) && parent?.filename?.endsWith('.ts');
  const source = ours && path.resolve(path.dirname(parent.filename), request.replace(/\.js$/, '.ts'));
  return source && fs.existsSync(source) ? source : resolve.call(this, request, parent, ...rest);
};

Module._extensions['.ts'] = (module, filename) => {
  const { code } = swc.transformFileSync(
    filename,
    swcOptions({ legacyDecorator: true, decoratorMetadata: true }),
  );
  module._compile(code, filename);
};
