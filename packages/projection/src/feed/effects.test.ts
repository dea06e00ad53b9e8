import { memory } from '@backstory/core';
import { Deposited, recording } from '../../../../test/support/bank-events.js';
import { IN_TIME } from '../../../../test/support/eventually.js';
import { projectionsOn } from '../../../../test/support/projecting.js';
import { projection } from '../definition/functional-projection.js';
import { ProjectionModel } from '../definition/projection-model.js';

const EVENTS = 400;

it('a document that is large is written out once for many events', async () => {
  const large = projection('large', {
    ...{ version: 1, key: () => 'all', events: { Deposited } },
    initial: { text: 'x'.repeat(3 * 2 ** 20), count: 0 },
    fold: { Deposited: ({ text, count }) => ({ text, count: count + 1 }) },
  });
  const opened = await memory().open();
  await recording(opened.events)('1', ...Array.from({ length: EVENTS }, () => new Deposited(1)));
  const projections = projectionsOn(opened, [large]);
  const written = jest.spyOn(ProjectionModel.prototype, 'write');
  await projections.start();
  await projections.caughtUp('large', EVENTS, IN_TIME);
  expect(await projections.named('large').get('all')).toMatchObject({ count: EVENTS });
  expect(written.mock.calls.length).toBeLessThan(EVENTS / 4);
  written.mockRestore();
  await projections.close();
  await opened.close();
});
