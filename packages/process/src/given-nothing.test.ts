import { memory } from '@backstory/core';
import {
  Command,
  ProcessManager,
  Scheduler,
  handles,
  processReactor,
  processSubscriber,
} from '@backstory/process';

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

test.each<[string, unknown, string]>([
  ['null', none, 'null'],
  ['undefined', nothing, 'undefined'],
  ['empty text', '', '""'],
  ['a number', 7, '7'],
  ['text that is too long', 'x'.repeat(513), '"xxx'],
])('a schedule whose id is %s is none that can be asked for', async (_, id, said) => {
  const storage = await memory().open();
  const schedules = new Scheduler({ ...storage, check: () => undefined, fire: () => Promise.resolve() });
  for (const asked of ['cancel', 'find', 'retry'] as const) {
    const refused = schedules[asked](id as string);
    await expect(refused).rejects.toMatchObject({ code: 'BACKSTORY_INVALID_OPTION', option: 'id' });
    await expect(refused).rejects.toThrow(
      `must be the id of a schedule, a text of 1 to 512 bytes, not ${said}`,
    );
  }
  await storage.close();
});
