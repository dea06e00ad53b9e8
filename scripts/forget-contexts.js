// Before each test file: what the files before it made to follow asynchronous work is let go. Each file makes its own, Node 20 and
// 22 look at every one of them for every promise, and in the process of Jest that runs many files the last would be many times slower.
const hooks = require('node:async_hooks');

const MADE = Symbol.for('backstory.test.contexts');
const made = (hooks[MADE] ??= track());
for (const storage of made.splice(0)) storage.disable();

function track() {
  const storages = [];
  class AsyncLocalStorage extends hooks.AsyncLocalStorage {
    constructor(...options) {
      super(...options);
      storages.push(this);
    }
  }
  // Since Node 22 it is a getter, to which nothing can be assigned.
  Object.defineProperty(hooks, 'AsyncLocalStorage', {
    value: AsyncLocalStorage,
    configurable: true,
    enumerable: true,
  });
  return storages;
}
