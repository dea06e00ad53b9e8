import { Context, Recorder, follow, memory, readRecorded } from '@backstory/core';
import { silent } from '@backstory/core/observe';

// The code of packages/core/README.md.
test('events are recorded through one door and followed in one order', async () => {
  const stop = new AbortController();
  const seen: unknown[] = [];

  const { events: log, close } = await memory().open();
  const recorder = new Recorder(log, { source: 'shop' });
  const opened = { type: 'cart.opened', data: '{"currency":"EUR"}' };
  await Context.of({ actor: 'ann' }).run(() =>
    recorder.record([{ stream: 'cart-1', expected: 'none', events: [opened] }]),
  );

  for await (const { events } of follow(log, { signal: stop.signal })) {
    for (const { type, data, metadata } of events.map(readRecorded)) seen.push([type, data, metadata.actor]);
    stop.abort();
  }

  await close();
  expect(seen).toEqual([['cart.opened', { currency: 'EUR' }, 'ann']]);
});

test('an observer that fails harms nobody', async () => {
  const observer = {
    ...silent,
    record: () => Promise.reject(new Error('the observer is broken')),
    page: () => {
      throw new Error('the observer is broken');
    },
  };
  const { events: log, close } = await memory().open({ observer });
  const recorder = new Recorder(log, { source: 'shop', observer });
  await recorder.record([{ stream: 'cart-1', expected: 'none', events: [{ type: 'opened', data: '{}' }] }]);
  for await (const { events } of follow(log, { observer })) {
    expect(events.map((event) => event.type)).toEqual(['opened']);
    break;
  }
  await close();
});
