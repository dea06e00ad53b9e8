import { postgres, type PostgresOptions } from '@backstory/postgres';
import {
  Context,
  StoreUnavailable,
  TransactionOutcomeUnknown,
  VersionConflict,
  defineBackstory,
  memory,
  type App,
} from 'backstory';
import type { AppTransaction } from 'backstory/transactions';
import { silent, type RecordEnd } from '@backstory/core/observe';
import { Client, Pool, type ClientConfig } from 'pg';
import { Account, Deposited } from '../examples/bank/backstory.config';
import { appendLockKey } from '../packages/postgres/src/lock-key';
import { eventually } from './support/eventually';
import { startPostgres, type PostgresServer } from './support/postgres-server';

let server: PostgresServer;
let url: string;
let app: App;
let pool: Pool;
beforeAll(async () => void (server = await startPostgres()));
afterAll(() => server?.stop());
beforeEach(async () => {
  url = await server.createDatabase();
  app = await bank().start();
  pool = new Pool({ connectionString: url });
  await pool.query('create table payouts (account text, amount int)');
});
afterEach(async () => {
  await app.close();
  await pool.end();
});

const bank = (observer = silent, options: PostgresOptions = {}) =>
  defineBackstory({ name: 'bank', store: postgres(url, options), aggregates: [Account], observer });

const LOCK = `select pg_advisory_lock(${appendLockKey("'backstory.events'")})`;
const PAYOUT = `insert into payouts values ('42', 100)`;

async function withClient<T>(work: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client({ connectionString: url });
  client.on('error', () => undefined);
  await client.connect();
  return work(client).finally(() => client.end().catch(() => undefined));
}

const deposit = (amount: number, to: App = app) =>
  to.repository(Account).update('42', (account) => account.deposit(amount), { create: true });

/** A payout from account 42, by the client and in the log. */
const payOut = (client: Client) => async (transaction: AppTransaction) => {
  const account = await app.repository(Account).load('42');
  await client.query(PAYOUT);
  account.withdraw(100);
  await transaction.save(account);
  return account;
};

async function paidOut(): Promise<number> {
  return (await pool.query('select * from payouts')).rows.length;
}
const balance = async () => (await app.repository(Account).load('42')).balance;

test('what a client changes and what is recorded become true together', async () => {
  await deposit(500);
  await withClient(async (client) => {
    const { value, repeated } = await app.within(client, async (transaction) => {
      const account = await payOut(client)(transaction);
      await transaction.record('audit-1', [new Deposited(1)]);
      expect([await paidOut(), await balance()]).toEqual([0, 500]);
      return account;
    });
    expect(repeated).toBe(false);
    value!.deposit(1);
    await app.repository(Account).save(value!);
  });
  expect([await paidOut(), await balance()]).toEqual([1, 401]);
});

test('a transaction that the client has begun is joined, and committed', async () => {
  await deposit(500);
  await withClient(async (client) => {
    await client.query('begin');
    await client.query(PAYOUT);
    await app.within(client, payOut(client));
    expect(client.getTransactionStatus()).toBe('I');
  });
  expect([await paidOut(), await balance()]).toEqual([2, 400]);
});

test('when the function fails neither is true, and the client may go on', async () => {
  await deposit(500);
  await withClient(async (client) => {
    const failing = app.within(client, async (transaction) => {
      await payOut(client)(transaction);
      throw new Error('no');
    });
    await expect(failing).rejects.toThrow('no');
    expect(client.getTransactionStatus()).toBe('I');
  });
  expect([await paidOut(), await balance()]).toEqual([0, 500]);
});

test('when somebody else was faster neither is true', async () => {
  await deposit(500);
  await withClient(async (client) => {
    const late = app.within(client, async (transaction) => {
      await payOut(client)(transaction);
      await deposit(7);
    });
    await expect(late).rejects.toThrow(VersionConflict);
  });
  expect([await paidOut(), await balance()]).toEqual([0, 507]);
});

test('a transaction that fails when it commits records nothing', async () => {
  await pool.query(
    'create table once (n int, unique (n) deferrable initially deferred); insert into once values (1)',
  );
  await deposit(500);
  await withClient(async (client) => {
    const failing = app.within(client, async (transaction) => {
      await payOut(client)(transaction);
      await client.query('insert into once values (1)');
    });
    await expect(failing).rejects.toThrow('duplicate key');
  });
  expect([await paidOut(), await balance()]).toEqual([0, 500]);
});

test('with a command id it is done once, whoever repeats it', async () => {
  await deposit(500);
  const run = () => withClient((client) => app.within(client, payOut(client), { commandId: 'payout-1' }));
  expect(await run()).toMatchObject({ repeated: false });
  expect(await run()).toEqual({ repeated: true, value: undefined });
  expect([await paidOut(), await balance()]).toEqual([1, 400]);
});

test('in a handler that runs again it is done once, also where it decides otherwise', async () => {
  await deposit(500);
  const [event] = [...(await collect(app))];
  const handling = () => Context.handling(event!, { subscription: 'payouts', handler: 'pay' });
  const run = (amounts: readonly number[]) =>
    withClient((client) =>
      handling().run(() =>
        app.within(client, async (transaction) => {
          await client.query(PAYOUT);
          const account = await app.repository(Account).load('42');
          for (const amount of amounts) account.withdraw(amount);
          await transaction.save(account);
        }),
      ),
    );
  expect(await run([100])).toMatchObject({ repeated: false });
  expect(await run([100])).toMatchObject({ repeated: true });
  expect(await run([50, 50])).toMatchObject({ repeated: true });
  expect([await paidOut(), await balance()]).toEqual([1, 400]);
});

test('with a command id it is done once also where it could not be done again', async () => {
  await deposit(100);
  const run = () => withClient((client) => app.within(client, payOut(client), { commandId: 'payout-1' }));
  expect(await run()).toMatchObject({ repeated: false });
  // Nothing is left to withdraw: the function would throw.
  expect(await run()).toEqual({ repeated: true, value: undefined });
  expect([await paidOut(), await balance()]).toEqual([1, 0]);
});

test('with a command id it is done once also where nothing is recorded', async () => {
  const run = () =>
    withClient((client) => app.within(client, () => client.query(PAYOUT), { commandId: 'payout-1' }));
  expect((await run()).repeated).toBe(false);
  expect((await run()).repeated).toBe(true);
  expect(await paidOut()).toBe(1);
});

test('of many with one command id at the same moment one is done', async () => {
  await deposit(500);
  const run = () => withClient((client) => app.within(client, payOut(client), { commandId: 'payout-1' }));
  const ends = await Promise.all(Array.from({ length: 6 }, run));
  expect(ends.filter(({ repeated }) => !repeated)).toHaveLength(1);
  expect([await paidOut(), await balance()]).toEqual([1, 400]);
});

test('when it had been recorded by something else with that command id it fails, and changes nothing', async () => {
  await deposit(500);
  await app.repository(Account).update('42', (account) => account.deposit(1), { commandId: 'one' });
  const same = withClient((client) => app.within(client, payOut(client), { commandId: 'one' }));
  await expect(same).rejects.toMatchObject({ code: 'BACKSTORY_EVENT_ID_REUSED' });
  expect([await paidOut(), await balance()]).toEqual([0, 501]);
});

test('a statement that fails makes all of it fail, also where its error is caught', async () => {
  await deposit(500);
  await withClient(async (client) => {
    const failing = app.within(client, async (transaction) => {
      await payOut(client)(transaction);
      await client.query('select 1/0').catch(() => undefined);
    });
    await expect(failing).rejects.toThrow('a statement in it had failed');
    // Between the append and the commit, where only the server knows.
    const late = app.within(client, async (transaction) => {
      const account = await payOut(client)(transaction);
      setImmediate(() => void client.query('select 1/0').catch(() => undefined));
      return account;
    });
    await expect(late).rejects.toThrow('a statement in it had failed');
  });
  expect([await paidOut(), await balance()]).toEqual([0, 500]);
});

test.each([
  ['ended', 'rollback'],
  ['ended and begun', 'commit; begin'],
])('a transaction that the function has %s by itself records nothing, and says so', async (_, sql) => {
  await deposit(500);
  await withClient(async (client) => {
    const broken = app.within(client, async (transaction) => {
      await payOut(client)(transaction);
      await client.query(sql);
    });
    await expect(broken).rejects.toThrow(
      'ended inside the function: nothing was recorded, and what the client had changed',
    );
  });
  expect(await balance()).toBe(500);
});

test('one that the function commits without waiting is not taken for done', async () => {
  const commandId = 'early';
  await withClient(async (client) => {
    const early = app.within(
      client,
      async (transaction) => {
        void transaction.record('audit-1', [new Deposited(1)]).catch(() => undefined);
        void client.query('commit');
      },
      { commandId },
    );
    await expect(early).rejects.toThrow('ended inside the function');
    const again = app.within(client, (transaction) => transaction.record('audit-1', [new Deposited(1)]), {
      commandId,
    });
    expect(await again).toMatchObject({ repeated: false });
  });
  expect(await app.events.identity()).toMatchObject({ head: 1 });
});

const parametersOf = (client: Client) =>
  (client as unknown as { readonly connectionParameters: object }).connectionParameters;

test('where nobody says that it was rolled back its client ends, and nobody commits what is left of it', async () => {
  await withClient(async (holder) => {
    const client = new Client({ connectionString: url });
    client.on('error', () => undefined);
    await client.connect();
    await holder.query(LOCK);
    const late = app.within(client, async (transaction) => {
      void transaction.record('audit-1', [new Deposited(1)]).catch(() => undefined);
      await client.query(PAYOUT);
      Object.assign(parametersOf(client), { query_timeout: 500 });
    });
    await expect(late).rejects.toThrow(StoreUnavailable);
    await holder.query('select pg_advisory_unlock_all()');
    await eventually(async () => {
      const text = `select state from pg_stat_activity where datname = current_database() and state = 'active' and pid <> pg_backend_pid()`;
      return (await holder.query(text)).rows.length === 0;
    });
    await expect(app.within(client, () => client.query(PAYOUT))).rejects.toThrow();
    await client.end();
  });
  expect([await paidOut(), (await app.events.identity()).head]).toEqual([0, 0]);
});

test('what a role or a database has for a default isolation is nothing to appends', async () => {
  await pool.query(
    `do $$ begin execute format('alter database %I set default_transaction_isolation = serializable', current_database()); end $$`,
  );
  const strict = await bank().start();
  await deposit(500, strict);
  await withClient(async (client) => {
    const { rows } = await client.query('show default_transaction_isolation');
    expect(rows).toEqual([{ default_transaction_isolation: 'serializable' }]);
    await strict.within(client, (transaction) => transaction.record('audit-1', [new Deposited(1)]));
  });
  await strict.close();
  expect(await balance()).toBe(500);
});

test('a client of binary results is refused', async () => {
  const client = new Client({ connectionString: url, binary: true } as ClientConfig);
  await client.connect();
  await expect(app.within(client, () => 1)).rejects.toThrow('a client of binary results');
  await client.end();
});

test('one client is in one transaction at a time, and may be in another one after it', async () => {
  await withClient(async (client) => {
    const nested = app.within(client, () => app.within(client, () => 1));
    await expect(nested).rejects.toThrow('in app.within already');
    await app.within(client, () => client.query(PAYOUT));
  });
  expect(await paidOut()).toBe(1);
});

test('while its append waits long for a lock the observer is told for whom, and its followers are woken after it', async () => {
  const holders: string[] = [];
  const observer = {
    ...silent,
    blocked: (facts: () => { holder: string }) => void holders.push(facts().holder),
  };
  const store = postgres(url, { lockWarningMs: 20, pollMs: 60_000 });
  const own = await defineBackstory({ name: 'bank', store, aggregates: [Account], observer }).start();
  let woken = 0;
  const unsubscribe = own.events.onAppend(() => woken++);
  await withClient((holder) =>
    withClient(async (client) => {
      await holder.query(LOCK);
      const waiting = own.within(client, (transaction) => transaction.record('audit-1', [new Deposited(1)]));
      await eventually(() => holders.length > 0);
      expect(woken).toBe(0);
      await holder.query('select pg_advisory_unlock_all()');
      await waiting;
    }),
  );
  expect(woken).toBe(1);
  unsubscribe();
  await own.close();
});

test('its append does not wait for a lock for ever, and the bound that the client has is kept', async () => {
  const own = await bank(silent, { responseTimeoutMs: 1_500 }).start();
  const recording = (client: Client) =>
    own.within(client, (transaction) => transaction.record('audit-1', [new Deposited(1)]));
  await withClient((holder) =>
    withClient(async (client) => {
      await holder.query(LOCK);
      await expect(recording(client)).rejects.toThrow(StoreUnavailable);
      await client.query(`set lock_timeout = '50ms'`);
      await expect(recording(client)).rejects.toThrow(StoreUnavailable);
      const { rows } = await client.query('show lock_timeout');
      expect(rows).toEqual([{ lock_timeout: '50ms' }]);
      await holder.query('select pg_advisory_unlock_all()');
      expect(await recording(client)).toMatchObject({ repeated: false });
    }),
  );
  await own.close();
});

test('a client that is not connected, and one whose transaction has failed, are refused', async () => {
  const unconnected = new Client({ connectionString: url });
  await expect(app.within(unconnected, () => 1)).rejects.toThrow('not connected');
  await withClient(async (client) => {
    await client.query('begin');
    await expect(client.query('select 1/0')).rejects.toThrow();
    await expect(app.within(client, () => 1)).rejects.toThrow('roll it back first');
  });
});

test('a connection that is lost while it commits leaves the outcome unknown, and a repetition settles it', async () => {
  await deposit(500);
  const lost = withClient(async (client) => {
    const query = client.query.bind(client) as (config: { text?: string }) => Promise<unknown>;
    client.query = (async (config: { text?: string }) => {
      const result = await query(config);
      // It has arrived, and its answer does not.
      if (config.text === 'commit') throw new Error('Connection terminated unexpectedly');
      return result;
    }) as never;
    return app.within(client, payOut(client));
  });
  const error = await lost.catch((it: unknown) => it);
  expect(error).toBeInstanceOf(TransactionOutcomeUnknown);
  const { commandId } = error as TransactionOutcomeUnknown;
  const again = await withClient((client) => app.within(client, payOut(client), { commandId: commandId! }));
  expect(again).toEqual({ repeated: true, value: undefined });
  expect([await paidOut(), await balance()]).toEqual([1, 400]);
});

test('a transaction that records nothing is committed as well', async () => {
  await withClient((client) => app.within(client, () => client.query(PAYOUT)));
  expect(await paidOut()).toBe(1);
});

test('the lock that appends take is held at its end only', async () => {
  await withClient((client) =>
    app.within(client, async (transaction) => {
      await transaction.record('audit-1', [new Deposited(1)]);
      await client.query(PAYOUT);
      await deposit(1);
    }),
  );
  expect((await app.events.identity()).head).toBe(2);
});

test('what is refused is told at once, and does not end the transaction', async () => {
  await withClient((client) =>
    app.within(client, async (transaction) => {
      await expect(transaction.record('_system', [new Deposited(1)])).rejects.toThrow('system stream');
      await expect(transaction.record('audit-1', [new Deposited(NaN)])).rejects.toThrow('NaN');
      const account = app.repository(Account).create('43');
      account.deposit(1);
      await transaction.save(account);
      await expect(transaction.save(account)).rejects.toMatchObject({ code: 'BACKSTORY_SAVE_IN_PROGRESS' });
    }),
  );
  expect((await app.repository(Account).load('43')).version).toBe(1);
});

test('what is recorded after its end is refused', async () => {
  let late: AppTransaction | undefined;
  await withClient((client) => app.within(client, (transaction) => void (late = transaction)));
  await expect(late!.record('audit-1', [new Deposited(1)])).rejects.toThrow('the transaction has ended');
});

test('the observer is told of what was recorded, with its position', async () => {
  const ends: (RecordEnd | undefined)[] = [];
  const observed = await bank({
    ...silent,
    record: async (_, work) => {
      let end: RecordEnd | undefined;
      const result = await work((facts) => (end = facts()));
      ends.push(end);
      return result;
    },
  }).start();
  await withClient((client) =>
    observed.within(client, (transaction) => transaction.record('audit-1', [new Deposited(1)])),
  );
  await observed.close();
  expect(ends).toEqual([{ position: 1, versions: [1], repeated: false, sends: 1 }]);
});

test.each(['repeatable read', 'serializable'])(
  'a transaction that is %s is refused by name',
  async (level) => {
    await withClient(async (client) => {
      await client.query(`begin isolation level ${level}`);
      const refused = app.within(client, payOut(client));
      await expect(refused).rejects.toThrow(`the client's transaction is ${level}`);
      expect(client.getTransactionStatus()).toBe('T');
    });
  },
);

test('a client of another database is refused, also where that has a log', async () => {
  const elsewhere = await server.createDatabase();
  const client = new Client({ connectionString: elsewhere });
  await client.connect();
  const refused = () =>
    expect(app.within(client, payOut(client))).rejects.toMatchObject({ problem: 'not-a-store' });
  await refused();
  await (await postgres(elsewhere).open()).close();
  await refused();
  await client.end();
});

test.each([
  ['a pool', () => pool],
  ['nothing', () => undefined as never],
])('%s in place of a client is refused', async (_, client) => {
  await expect(app.within(client(), () => 1)).rejects.toThrow('needs a connected client');
});

test('a store without clients says so', async () => {
  const other = await defineBackstory({ name: 'bank', store: memory(), aggregates: [Account] }).start();
  await expect(other.within({}, () => 1)).rejects.toThrow('needs a store in a database that has clients');
  await other.close();
});

test('an option that does not exist and a command id that is no name are refused', async () => {
  await withClient(async (client) => {
    await expect(app.within(client, () => 1, { commandID: 'a' } as never)).rejects.toThrow('commandID');
    await expect(app.within(client, () => 1, { commandId: '' })).rejects.toThrow('commandId: must be a text');
    await expect(app.within(client, () => 1, null as never)).rejects.toThrow('must be an object, not null');
  });
});

test('a store that was closed meanwhile records nothing', async () => {
  await withClient(async (client) => {
    const other = await bank().start();
    const ended = other.within(client, async (transaction) => {
      await transaction.record('audit-1', [new Deposited(1)]);
      await client.query(PAYOUT);
      await other.close();
    });
    await expect(ended).rejects.toMatchObject({ code: 'BACKSTORY_STORE_CLOSED' });
  });
  expect(await paidOut()).toBe(0);
});

async function collect(from: App) {
  const events = [];
  for await (const event of from.repository(Account).eventsSince('42')) events.push(event);
  return events;
}
