import { Command, ProcessManager, handles, processReactor, processSubscriber } from '@backstory/process';

@Command('order.give-up')
class GiveUp {}
class Order {}

/** As it comes from JavaScript, and from files that import each other. */
const nothing = undefined as never;
const none = null as never;

test.each<[string, () => unknown, string]>([
  ['handles(…)', () => handles(GiveUp, nothing), 'order.give-up needs { on, id, do }'],
  ['handles(…, {})', () => handles(GiveUp, {} as never), 'order.give-up needs { on, id, do }'],
  [
    'handles(…, { on: undefined })',
    () => handles(GiveUp, { on: nothing, id: () => '1', do: () => undefined }),
    'order.give-up needs { on, id, do }',
  ],
  ['@ProcessManager(…)', () => ProcessManager('orders', none)(Order), 'Order needs a state'],
  ['processReactor(null, …)', () => processReactor(none, none), 'null is no process manager'],
  ['processSubscriber(null, …)', () => processSubscriber(none, none), 'null is no process manager'],
])('%s says what is missing', (_, call, says) => {
  expect(call).toThrow(says);
});
