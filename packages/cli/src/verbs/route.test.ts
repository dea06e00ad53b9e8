import { DomainEvent, defineBackstory, memory, type Storage } from 'backstory';
import { topic, where } from 'backstory/routing';
import { runCli, runJson } from '../../../../test/support/run-cli';

@DomainEvent('order.placed')
class OrderPlaced {
  constructor(readonly amount: number) {}
}

let store: Storage;
let id: string;
const define = (rules: boolean) =>
  defineBackstory({
    name: 'shop',
    store,
    events: [OrderPlaced],
    rules: rules
      ? [
          { name: 'mail', source: topic('large'), target: 'mail' },
          {
            name: 'large',
            source: 'order.*',
            condition: where.data('amount', '>', 100),
            target: 'large',
            priority: 2,
            description: 'somebody looks at these',
          },
          { name: 'accounts', source: 'account.*', target: 'accounts' },
          {
            name: 'method',
            source: OrderPlaced,
            condition: ({ data }) => data instanceof OrderPlaced,
            target: 'instances',
          },
        ]
      : [],
  });

beforeEach(async () => {
  store = memory();
  await define(false).run(async (app) => {
    ({
      ids: [id = ''],
    } = await app.record('order-1', [new OrderPlaced(50)]));
    await app.record('order-2', [new OrderPlaced(500)]);
  });
});

const show = (...argv: string[]) => runCli(argv, { definition: define(true) });

test('route list shows the rules in the order in which they decide', async () => {
  const { stdout, exitCode } = await show('route', 'list');
  expect(exitCode).toBe(0);
  expect(stdout.split('\n').map((line) => line.trimEnd())).toEqual([
    'rule      priority  from          where              to         within  for',
    'large            2  order.*       data.amount > 100  large        30 s  somebody looks at these',
    'mail             1  topic large   everything         mail         30 s',
    'accounts         1  account.*     everything         accounts     30 s',
    'method           1  order.placed  condition          instances    30 s',
    '',
  ]);
});

test('route list --type shows those that the type may go through', async () => {
  const { envelope } = await runJson(['route', 'list', '--type', 'order.placed'], {
    definition: define(true),
  });
  expect((envelope.data as { rules: { name: string }[] }).rules.map(({ name }) => name)).toEqual([
    'large',
    'mail',
    'method',
  ]);
});

test('route list without rules says where they stand', async () => {
  const { stderr, exitCode } = await runCli(['route', 'list'], { definition: define(false) });
  expect({ stderr, exitCode }).toEqual({
    exitCode: 0,
    stderr: 'There are no such rules: defineBackstory({ rules: [ … ] }) has them.\n',
  });
});

test('route explain says which rules an event meets, and why not the others', async () => {
  const { stdout, exitCode } = await show('route', 'explain', id);
  expect(exitCode).toBe(0);
  expect(stdout).toBe(
    [
      'order.placed  order-1 v1  goes to instances',
      '',
      '  · large     does not lead to large',
      '      data.amount is 50, not > 100',
      '',
      '  · mail      does not lead to mail',
      '      it does not go to topic large',
      '',
      '  · accounts  does not lead to accounts',
      '      type is order.placed, not account.*',
      '',
      '  ✓ method    leads to instances',
      '      condition: yes',
      '',
    ].join('\n'),
  );
});

test('route explain --json gives the decisions and the topics', async () => {
  const { envelope } = await runJson(['route', 'explain', id], { definition: define(true) });
  expect(envelope.data).toMatchObject({
    event: { id, type: 'order.placed', stream: 'order-1', position: 1 },
    topics: ['instances'],
    decisions: [
      { rule: 'large', target: 'large', result: 'filtered', because: 'data.amount is 50, not > 100' },
      {},
      {},
      {},
    ],
  });
});

test('route explain needs an event that is there', async () => {
  expect(await show('route', 'explain')).toMatchObject({
    exitCode: 2,
    stderr: expect.stringContaining('Which event? Give its id') as string,
  });
  expect(await show('route', 'explain', 'nobody')).toMatchObject({
    exitCode: 1,
    stderr: expect.stringContaining('There is no event "nobody" in this log') as string,
  });
});

test.each([
  [['list', 'x'], 'list takes no id: leave out x.'],
  [['explain', 'x', '--type', 'order.placed'], '--type is for list.'],
  [['list', '--type', ''], '--type is empty'],
  [['explain', ''], 'Which event? Give its id'],
])('route %j is refused as a command line that means nothing', async (argv, says) => {
  const { exitCode, stderr } = await show('route', ...argv);
  expect({ exitCode, stderr }).toMatchObject({
    exitCode: 2,
    stderr: expect.stringContaining(says) as string,
  });
});
