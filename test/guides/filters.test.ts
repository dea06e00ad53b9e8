import { DomainEvent, defineBackstory, follow, memory } from 'backstory';
import { Filter, where } from '@backstory/router/filter';

@DomainEvent('account.withdrawn')
class Withdrawn {
  constructor(readonly amount: number) {}
}

@DomainEvent('account.deposited')
class Deposited {
  constructor(readonly amount: number) {}
}

const large = where.type('account.*').and(where.data('amount', '>', 1_000));

const bank = () => defineBackstory({ name: 'bank', store: memory(), events: [Withdrawn, Deposited] });

test('one filter reads the log, follows it, and is written down', async () => {
  await bank().run(async (app) => {
    await app.record('account-42', [new Deposited(5_000), new Withdrawn(20), new Withdrawn(2_000)]);
    const found: number[] = [];
    for await (const { events } of app.events.readAll(large.toQuery())) {
      for (const event of large.select(events)) found.push(event.version);
    }
    expect(found).toEqual([1, 3]);

    const stop = new AbortController();
    const seen: string[] = [];
    const query = large.toQuery({ types: app.types.all.map(({ name }) => name) });
    for await (const { events } of follow(app.events, { query, signal: stop.signal })) {
      for (const event of large.select(events)) seen.push(event.type);
      if (seen.length === 2) stop.abort();
    }
    expect(seen).toEqual(['account.deposited', 'account.withdrawn']);
    expect(query).toEqual({ types: ['account.withdrawn', 'account.deposited'] });

    const text = JSON.stringify(large);
    expect(text).toBe('{"all":[{"types":["account.*"]},{"data":"amount","is":">","value":1000}]}');
    expect(String(Filter.parse(text))).toBe('type is account.* and data.amount > 1000');
  });
});

test('a filter says why it does not let an event through', async () => {
  await bank().run(async (app) => {
    await app.record('account-42', [new Withdrawn(20)]);
    for await (const { events } of app.events.readAll()) {
      const { because } = large.explain(app.types.decode(events[0]!));
      expect(because).toBe('data.amount is 20, not > 1000');
    }
  });
});
