import {
  EventHandler,
  Fields,
  defineBackstory,
  instant,
  memory,
  type App,
  type RecordedEvent,
} from 'backstory';
import { Projection, deleted, projection, sqlProjection, type Tables } from 'backstory/projection';
import { sqlite } from '@backstory/sqlite';
import { Deposited, Withdrawn } from '../support/bank-events.js';
import { blocksUnder } from '../docs/blocks-under.js';
import { sqliteFiles } from '../support/sqlite-files.js';

@Projection('balances', { version: 1, indexes: ['balance'] })
@Fields({ lastMovement: instant })
class Balances {
  balance = 0;
  lastMovement = new Date(0);

  @EventHandler(Deposited) deposited({ amount }: Deposited, { recordedAt }: RecordedEvent<Deposited>) {
    this.balance += amount;
    this.lastMovement = recordedAt;
  }

  @EventHandler(Withdrawn) withdrawn({ amount }: Withdrawn, { recordedAt }: RecordedEvent<Withdrawn>) {
    this.balance -= amount;
    this.lastMovement = recordedAt;
    return this.balance === 0 ? deleted : undefined;
  }
}

const turnover = projection('turnover', {
  version: 1,
  key: ({ recordedAt, stream }) => [`day ${recordedAt.toISOString().slice(0, 10)}`, stream],
  initial: { in: 0, out: 0 },
  events: { Deposited, Withdrawn },
  fold: {
    Deposited: (document, { amount }) => ({ ...document, in: document.in + amount }),
    Withdrawn: (document, { amount }) => ({ ...document, out: document.out + amount }),
  },
});

it('is made of functions', async () => {
  const Balances = projection('balances', {
    version: 1,
    initial: { balance: 0 },
    events: { Deposited },
    fold: { Deposited: (document, { amount }) => ({ balance: document.balance + amount }) },
  });
  const bank = defineBackstory({
    name: 'bank',
    store: memory(),
    events: [Deposited],
    projections: [Balances],
  });
  await bank.run(async (running) => {
    const { position } = await running.record('account-1', [new Deposited(5)]);
    await running.caughtUp(Balances, position);
    expect(await running.projection(Balances).get('account-1')).toEqual({ balance: 5 });
  });
});

let app: App;
beforeEach(async () => {
  const definition = defineBackstory({
    name: 'bank',
    store: memory(),
    events: [Deposited, Withdrawn],
    projections: [Balances, turnover],
  });
  app = await definition.start();
});
afterEach(() => app.close());

it('is read, found, waited for, asked as of another time', async () => {
  const { position } = await app.record('account-42', [new Deposited(100), new Withdrawn(30)]);
  await app.caughtUp(Balances, position, { timeoutMs: 10_000 });
  const balances = app.projection(Balances);
  const account = await balances.get('account-42');
  expect(account).toMatchObject({ balance: 70 });
  expect(account!.lastMovement).toBeInstanceOf(Date);

  const page = await balances.find({
    where: { balance: { '>=': 50 } },
    orderBy: { path: 'balance', descending: true },
    limit: 20,
  });
  expect(page).toMatchObject({ documents: [{ key: 'account-42' }], generation: 1, position });

  const before = await balances.asOf(position - 1).get('account-42');
  expect(before).toMatchObject({ balance: 100 });
  const { cost } = await app.projection(turnover).asOf(position).evaluate('account-42');
  expect(cost).toMatchObject({ read: 'log', events: 2, folded: 2 });
});

it('is rebuilt beside what is read, verified, swapped and taken back', async () => {
  const { position } = await app.record('account-42', [new Deposited(100)]);
  await app.caughtUp(Balances, position);
  await app.projections.fill('balances', { eventsPerSecond: 50_000 });
  const { isEqual, documents, differences } = await app.projections.verify('balances');
  expect({ isEqual, documents, differences }).toEqual({ isEqual: true, documents: 1, differences: [] });
  await app.projections.swap('balances', { actor: 'ann' });
  const { generation, behind } = await app.projections.rollback('balances', { reason: 'only a trial' });
  expect({ generation, behind }).toMatchObject({ generation: 1 });
  await app.projections.drop('balances');
});

const tables = { days: { columns: { day: 'text', amount: 'bigint not null' }, key: ['day'] } };

@Projection('deposits', { version: 1, tables })
class Deposits {
  @EventHandler(Deposited)
  async deposited(
    { amount }: Deposited,
    { recordedAt }: RecordedEvent<Deposited>,
    { sql, days }: Tables<'days'>,
  ) {
    const day = recordedAt.toISOString().slice(0, 10);
    await sql`insert into ${days} as d (day, amount) values (${day}, ${amount})
      on conflict (day) do update set amount = d.amount + excluded.amount`;
  }
}

const withdrawals = sqlProjection('withdrawals', {
  version: 1,
  tables: {
    largest: {
      columns: { account: 'text', amount: 'bigint not null' },
      key: ['account'],
      indexes: [['amount']],
    },
  },
  events: { Withdrawn },
  handle: {
    Withdrawn: async ({ amount }, { stream }, { sql, largest }) => {
      await sql`insert into ${largest} as l (account, amount) values (${stream}, ${amount})
        on conflict (account) do update set amount = excluded.amount where excluded.amount > l.amount`;
    },
  },
});

interface Largest {
  readonly account: string;
  readonly amount: number;
}

describe('with tables', () => {
  const files = sqliteFiles();
  let app: App;
  let file: string;
  beforeEach(async () => {
    file = files.newFile();
    const definition = defineBackstory({
      name: 'bank',
      store: sqlite(file),
      events: [Deposited, Withdrawn],
      projections: [Deposits, withdrawals],
    });
    app = await definition.start();
  });
  afterEach(() => app.close());

  it('writes and reads them with SQL', async () => {
    await app.record('account-1', [new Deposited(100), new Withdrawn(30), new Withdrawn(20)]);
    const { position } = await app.record('account-2', [new Deposited(50), new Withdrawn(40)]);
    await app.caughtUp(Deposits, position);
    await app.caughtUp(withdrawals, position);
    const most = await app.tables(withdrawals).query(({ sql, largest }) => {
      return sql<Largest>`select account, amount from ${largest} order by amount desc limit 10`;
    });
    expect(most).toEqual([
      { account: 'account-2', amount: 40 },
      { account: 'account-1', amount: 30 },
    ]);
    const before = await app
      .tables(withdrawals)
      .asOf(position - 1)
      .query(({ sql, largest }) => {
        return sql<Largest>`select account, amount from ${largest}`;
      });
    expect(before).toEqual([{ account: 'account-1', amount: 30 }]);
    const sum = await app
      .tables<'days'>(Deposits)
      .query(({ sql, days }) => sql`select cast(sum(amount) as bigint) as amount from ${days}`);
    expect(sum).toEqual([{ amount: 150 }]);
    const others = await files.opened(sqlite(file).open());
    const [text = ''] = blocksUnder('docs/guides/projections.md', '## Tables', 'sql');
    const rows = await others.state.read(({ sql }) => sql!.run({ texts: [text], values: [] }));
    expect(rows).toEqual([{ day: expect.stringMatching(/^\d{4}-\d\d-\d\d$/), amount: 150 }]);
  });
});
