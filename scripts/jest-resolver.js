// In our TypeScript sources `./x.js` means `./x.ts`. Packages in node_modules keep Node's meaning.
const fs = require('node:fs');
const path = require('node:path');

module.exports = (request, options) => {
  const ours = /^\.{1,2}\/.*\.js$/.test(request) && !/[\\/]node_modules[\\/]/.test(options.basedir);
  const source = ours && path.resolve(options.basedir, request.replace(/\.js$/, '.ts'));
  return source && fs.existsSync(source) ? source : options.defaultResolver(request, options);
};
