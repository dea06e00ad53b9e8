import { AsyncLocalStorage } from 'node:async_hooks';

it('what a test file made to follow asynchronous work is let go before the next one, on every Node', () => {
  const storage = new AsyncLocalStorage<string>();
  storage.enterWith('of this file');
  jest.isolateModules(() => jest.requireActual<object>('../scripts/forget-contexts.js'));
  expect(storage.getStore()).toBeUndefined();
});
