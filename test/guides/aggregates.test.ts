import fs from 'node:fs';
import path from 'node:path';
import { IsEmail, IsNotEmpty } from 'class-validator';
import {
  Aggregate,
  AggregateNotFound,
  AppendOutcomeUnknown,
  Big,
  Context,
  DomainEvent,
  EventHandler,
  EventSourcedAggregate,
  Fields,
  InvalidData,
  UpdateConflict,
  VersionConflict,
  bigint,
  decimal,
  defineBackstory,
  instant,
  mapOf,
  memory,
  setOf,
  type App,
} from 'backstory';
import {
  Invoice,
  InvoiceIssued,
  InvoiceSettled,
  Line,
  PaymentReceived,
  ReminderSent,
} from './invoice/invoice';

// The code of docs/guides/aggregates.md, and what its tables say.
const guide = fs.readFileSync(path.join(__dirname, '../../docs/guides/aggregates.md'), 'utf8');

const billing = defineBackstory({ name: 'billing', store: memory(), aggregates: [Invoice] });

let app: App;
beforeEach(async () => {
  const store = memory();
  app = await defineBackstory({ name: billing.name, store, aggregates: [Invoice] }).start();
});
afterEach(() => app.close());

const lines = [new Line('consulting', 3, new Big('99.90')), new Line('travel', 1, new Big('12.40'))];
const due = new Date('2026-12-24T00:00:00.000Z');
const issue = (id: string) =>
  app.repository(Invoice).update(id, (invoice) => invoice.issue('ann', lines, due), { create: true });

describe('repositories', () => {
  test('an invoice from nothing to settled', async () => {
    const app = await billing.start();
    const invoices = app.repository(Invoice);

    await invoices.update('2026-001', (invoice) => invoice.issue('ann', lines, due), { create: true });
    await invoices.update('2026-001', (invoice) => invoice.pay(new Big('300'), 'bank-77'));
    const { aggregate, version } = await invoices.update('2026-001', (invoice) =>
      invoice.pay(invoice.open, 'bank-78'),
    );
    expect([aggregate.status, version]).toEqual(['settled', 4]);
    await app.close();
  });

  test('what update gives back', async () => {
    await issue('2026-001');
    const invoices = app.repository(Invoice);

    const { value, version, position, attempts } = await invoices.update('2026-001', (invoice) => {
      invoice.pay(new Big('100'), 'bank-77');
      return invoice.open.toFixed(2);
    });
    expect([value, version, position, attempts]).toEqual(['212.10', 2, 2, 1]);
  });

  test('load, find, and the past', async () => {
    await issue('2026-001');
    const invoices = app.repository(Invoice);
    await invoices.update('2026-001', (invoice) => invoice.pay(new Big('100'), 'bank-77'));
    const yesterday = new Date(Date.now() - 86_400_000);

    const now = await invoices.load('2026-001');
    const atFirst = await invoices.load('2026-001', { atVersion: 1 });
    const thatDay = await invoices.find('2026-001', { at: yesterday });
    const none = await invoices.find('2026-999');

    expect([now.open, atFirst.open].map(String)).toEqual(['212.1', '312.1']);
    expect([thatDay, none]).toEqual([undefined, undefined]);
    expect(() => atFirst.pay(new Big(1), 'x')).toThrow(/read-only/);
    await expect(invoices.load('2026-999')).rejects.toThrow(AggregateNotFound);
  });

  test('create and save, where two in one go', async () => {
    const invoices = app.repository(Invoice);

    const invoice = invoices.create('2026-002');
    invoice.issue('bob', lines, due);
    await invoices.save(invoice);

    const again = invoices.create('2026-002');
    again.issue('eve', lines, due);
    await expect(invoices.save(again)).rejects.toThrow(VersionConflict);
  });

  test('a command that is repeated is recorded once', async () => {
    await issue('2026-001');
    const invoices = app.repository(Invoice);

    const pay = () =>
      invoices.update('2026-001', (invoice) => invoice.pay(new Big('100'), 'bank-77'), {
        commandId: 'payment-5512',
      });
    const first = await pay();
    const second = await pay();
    expect([first.repeated, second.repeated, second.version]).toEqual([false, true, 2]);
  });

  test('an outcome that is unknown is settled by asking again with its id', async () => {
    await issue('2026-001');
    const invoices = app.repository(Invoice);
    const unknown = new AppendOutcomeUnknown('01a1fa6d-0000-7000-8000-000000000001', 30_000);
    jest.spyOn(app.events, 'append').mockRejectedValueOnce(unknown);

    const pay = (invoice: Invoice) => invoice.pay(new Big('100'), 'bank-77');
    try {
      await invoices.update('2026-001', pay);
    } catch (error) {
      if (!(error instanceof AppendOutcomeUnknown)) throw error;
      const { appendId } = error; // keep it, and when the store is back:
      await invoices.update('2026-001', pay, { appendId });
    }

    const again = await invoices.update('2026-001', pay, { appendId: unknown.appendId });
    expect(again).toMatchObject({ version: 2, repeated: true });
  });

  test('the events of one invoice, and of all', async () => {
    await issue('2026-001');
    const invoices = app.repository(Invoice);
    await invoices.update('2026-001', (invoice) => invoice.pay(new Big('100'), 'bank-77'));
    const seen: string[] = [];

    for await (const { version, data, metadata } of invoices.eventsSince('2026-001', 1)) {
      if (data instanceof PaymentReceived)
        seen.push(`${version}: ${data.amount.toFixed(2)}, ${metadata.source}`);
    }
    expect(seen).toEqual(['2: 100.00, billing']);
  });

  test('others were faster, every time', async () => {
    await issue('2026-001');
    const invoices = app.repository(Invoice);
    let n = 0;
    const update = invoices.update(
      '2026-001',
      async (invoice) => {
        await invoices.update('2026-001', (other) => other.pay(new Big(1), `other-${n++}`));
        invoice.pay(new Big(1), 'mine');
      },
      { attempts: 2 },
    );
    await expect(update).rejects.toThrow(UpdateConflict);
  });
});

describe('who and why', () => {
  test('comes from the context', async () => {
    const invoices = app.repository(Invoice);
    const request = { headers: { 'x-correlation-id': 'request-7', traceparent: TRACEPARENT } };

    await Context.fromHeaders(request.headers)
      .with({ actor: 'ann', tenant: 'north' })
      .run(() =>
        invoices.update('2026-001', (it) => it.issue('ann', lines, due), { create: true, command: 'issue' }),
      );

    for await (const { metadata } of invoices.eventsSince('2026-001'))
      expect(metadata).toMatchObject({
        ...{ correlationId: 'request-7', actor: 'ann', tenant: 'north', command: 'issue', source: 'billing' },
        traceparent: TRACEPARENT,
      });
  });

  test('what is done because of an event names it as its cause', async () => {
    await Context.of({ correlationId: 'request-7', actor: 'ann' }).run(() => issue('2026-001'));
    const [issued] = await collect(app.repository(Invoice).eventsSince('2026-001'));
    await handleIssued(app, issued!);
    const [copied] = await collect(app.repository(Invoice).eventsSince('2026-001-copy'));
    expect(copied!.metadata).toMatchObject({
      correlationId: 'request-7',
      causationId: issued!.id,
      actor: 'ann',
    });
    await handleIssued(app, issued!);
    expect(await collect(app.repository(Invoice).eventsSince('2026-001-copy'))).toHaveLength(1);
  });

  async function handleIssued(app: App, issued: Parameters<typeof Context.handling>[0]) {
    const invoices = app.repository(Invoice);

    await Context.handling(issued, { subscription: 'copies', handler: 'copy' }).run(() =>
      invoices.update('2026-001-copy', (it) => it.issue('ann', lines, due), { create: true }),
    );
  }

  test('events that nobody raised, with the time at which they happened', async () => {
    const occurredAt = new Date('2020-01-31T10:00:00.000Z');

    await app.record('invoice-1999-004', [new InvoiceIssued('old', lines, due), new InvoiceSettled()], {
      expected: 'none',
      occurredAt,
    });

    const events = await collect(app.repository(Invoice).eventsSince('1999-004'));
    expect(events.map(({ metadata }) => metadata.occurredAt)).toEqual(
      Array(2).fill(occurredAt.toISOString()),
    );
    expect(await app.repository(Invoice).load('1999-004')).toMatchObject({ status: 'settled' });
  });
});

describe('rules of class-validator', () => {
  @DomainEvent('customer.registered')
  class CustomerRegistered {
    @IsNotEmpty() readonly name: string;
    @IsEmail() readonly mail: string;
    constructor(name: string, mail: string) {
      this.name = name;
      this.mail = mail;
    }
  }

  test('are checked when the event is recorded', async () => {
    const definition = defineBackstory({ name: 'crm', store: memory(), events: [CustomerRegistered] });
    await definition.run(async (app) => {
      const refused = await app
        .record('customer-7', [new CustomerRegistered('', 'ann@')])
        .catch((it: unknown) => it);
      expect(refused).toBeInstanceOf(InvalidData);
      expect((refused as InvalidData).violations.map(({ path }) => path)).toEqual(['name', 'mail']);
      expect((await app.events.identity()).head).toBe(0);
    });
  });
});

test('values stand in the log as the guide says', () => {
  @DomainEvent('sample.taken')
  @Fields({ at: instant, amount: decimal, count: bigint, tags: setOf(String), payments: mapOf(decimal) })
  class SampleTaken {
    at = new Date('2026-12-24T00:00:00.000Z');
    amount = new Big('99.90');
    count = 42n;
    tags = new Set(['a', 'b']);
    payments = new Map([['bank-77', new Big('99.90')]]);
  }
  const { types } = defineBackstory({ name: 'samples', store: memory(), events: [SampleTaken] });
  const stored = JSON.parse(types.encode(new SampleTaken()).data) as object;
  for (const value of Object.values(stored)) expect(guide).toContain(`\`${JSON.stringify(value)}\``);
});

describe('a common ancestor', () => {
  @DomainEvent('document.archived')
  class Archived {}

  abstract class Document extends EventSourcedAggregate {
    isArchived = false;
    archive() {
      if (!this.isArchived) this.raise(new Archived());
    }
    @EventHandler(Archived) protected archived() {
      this.isArchived = true;
    }
  }

  @Aggregate('offer')
  class Offer extends Document {}

  @Aggregate('contract')
  class Contract extends Document {
    archivedTimes = 0;
    @EventHandler(Archived) protected counted() {
      this.archivedTimes++;
      this.isArchived = true;
    }
  }

  test('hands down its handlers; a subclass may have its own', async () => {
    const definition = defineBackstory({ name: 'files', store: memory(), aggregates: [Offer, Contract] });
    await definition.run(async (app) => {
      const offer = await app.repository(Offer).update('1', (it) => it.archive(), { create: true });
      const contract = await app.repository(Contract).update('1', (it) => it.archive(), { create: true });
      expect([offer.aggregate.isArchived, contract.aggregate.archivedTimes]).toEqual([true, 1]);
    });
  });
});

describe('what is refused, in the words of the guide', () => {
  const refusal = async (act: (invoice: Invoice) => void) =>
    app
      .repository(Invoice)
      .update('2026-001', act, { create: true })
      .then(
        () => 'nothing',
        (error: Error) => error.message,
      );
  const raise = (invoice: object, event: object) => (invoice as { raise(event: object): void }).raise(event);

  @DomainEvent('invoice.noted')
  class Noted {
    constructor(readonly note: unknown) {}
  }

  test.each<[string, (invoice: Invoice) => void]>([
    ['NaN', (it) => raise(it, new ReminderSent(NaN as never))],
    ['-0', (it) => raise(it, new ReminderSent(-0 as never))],
    ['a Date', (it) => raise(it, new ReminderSent(new Date() as never))],
    ['undefined in plain data', (it) => raise(it, new ReminderSent([undefined] as never))],
    ['a number for a decimal', (it) => raise(it, new PaymentReceived(5 as never, 'r'))],
    ['no handler', (it) => raise(it, new Noted(1))],
    ['state changed without an event', (it) => void (it.status = 'settled')],
    ['a handler that throws', (it) => raise(it, new InvoiceIssued('ann', [null as never], due))],
  ])('%s', async (_, act) => {
    const message = await refusal(act);
    expect(guide.split('\n').filter((line) => line.includes(message))).toHaveLength(1);
  });
});

const TRACEPARENT = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const item of items) found.push(item);
  return found;
}
