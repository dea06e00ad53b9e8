import { Context, DomainEvent, EventHandler, defineBackstory, memory, sqlite } from 'backstory';
import { drop, topic, where, type Rule } from 'backstory/routing';
import { eventsOf, sqliteFiles } from '../support/sqlite-files';

// The code of docs/guides/bus-and-routing.md.

@DomainEvent('like.added')
export class LikeAdded {
  constructor(
    readonly by: string,
    readonly weight: number,
  ) {}
}

@DomainEvent('like.removed')
export class LikeRemoved {
  constructor(readonly by: string) {}
}

class SocialStatistics {
  readonly likes = new Map<string, number>();

  @EventHandler(LikeAdded, { timeoutMs: 2_000 })
  count({ by }: LikeAdded) {
    this.likes.set(by, (this.likes.get(by) ?? 0) + 1);
  }

  @EventHandler(LikeRemoved, { priority: 'high', when: where.metadata('tenant', '=', 'eu') })
  uncount({ by }: LikeRemoved) {
    this.likes.delete(by);
  }
}

const rules: readonly Rule[] = [
  {
    name: 'heavy likes',
    source: 'like.*',
    condition: where.data('weight', '>=', 10),
    target: 'moderation',
    priority: 5,
    timeoutMs: 10_000,
    description: 'somebody looks at these',
  },
  { name: 'urgent', source: topic('moderation'), condition: where.priority('>=', 'high'), target: 'pager' },
];

const files = sqliteFiles();

describe.each(['memory', 'sqlite'])('the bus of an application on %s', (kind) => {
  const social = () =>
    defineBackstory({
      name: 'social',
      store: kind === 'memory' ? memory() : sqlite(files.newFile()),
      events: [LikeAdded, LikeRemoved],
      rules,
    });

  test('records, hands out, and tells what became of it', async () => {
    await social().run(async (app) => {
      const statistics = new SocialStatistics();
      app.bus.attach(statistics);
      app.bus.subscribe(
        'like.*',
        async (_, recorded) => {
          if (recorded.position > 1) throw new Error('the mail server is down');
        },
        { name: 'mail' },
      );

      const { record, outcomes } = await app.bus.publish('post-7', [new LikeAdded('ann', 1)]);
      expect(record?.position).toBe(1);
      expect(outcomes.map(({ handler, outcome }) => [handler, outcome])).toEqual([
        ['SocialStatistics.count', 'handled'],
        ['mail', 'handled'],
      ]);

      const second = await app.bus.publish('post-7', [new LikeAdded('ann', 1)], { wait: 'record' });
      expect(second.outcomes).toEqual([]);
      const { outcomes: later } = await second.settled;
      expect(later.map(({ outcome }) => outcome)).toEqual(['handled', 'failed']);
      expect(statistics.likes.get('ann')).toBe(2);
      expect((await app.events.identity()).head).toBe(2);

      await app.bus.publish('post-7', [new LikeAdded('bob', 1)], { transient: true });
      expect((await app.events.identity()).head).toBe(2);
    });
  });

  test('middleware observes, replaces and drops', async () => {
    await social().run(async (app) => {
      const seen: string[] = [];
      app.bus.use((event) => void seen.push(event.constructor.name));
      app.bus.use((event) =>
        event instanceof LikeAdded && event.weight > 10 ? new LikeAdded(event.by, 10) : undefined,
      );
      app.bus.use((event) => (event instanceof LikeRemoved ? drop('likes stay') : undefined));

      const { record, dropped } = await app.bus.publish('post-7', [
        new LikeAdded('ann', 99),
        new LikeRemoved('bob'),
      ]);
      expect(record?.ids).toHaveLength(1);
      expect(dropped.map(({ reason }) => reason)).toEqual(['likes stay']);
      expect(seen).toEqual(['LikeAdded', 'LikeRemoved']);
    });
  });

  test('rules lead to topics, come and go, and explain themselves', async () => {
    await social().run(async (app) => {
      const paged: string[] = [];
      app.bus.subscribe(topic('pager'), (event) => void paged.push((event as LikeAdded).by));

      const urgently = Context.of({ priority: 'critical' });
      await urgently.run(() =>
        app.bus.publish('post-7', [new LikeAdded('ann', 50), new LikeAdded('bob', 1)]),
      );
      expect(paged).toEqual(['ann']);

      const remove = app.router.add({ name: 'all', source: '*', target: 'audit' });
      expect(app.router.routesFor('like.added').map(({ name }) => name)).toEqual([
        'heavy likes',
        'urgent',
        'all',
      ]);
      remove();

      const [, event] = await eventsOf(app.events);
      const { decisions } = app.router.explain(app.types.decode(event!));
      expect(decisions.map(({ rule, result, because }) => [rule, result, because])).toEqual([
        ['heavy likes', 'filtered', 'data.weight is 1, not >= 10'],
        ['urgent', 'no-match', 'it does not go to topic moderation'],
      ]);
    });
  });
});

test('a rule that cannot be is found when the application is defined', () => {
  const define = () =>
    defineBackstory({ name: 'social', store: memory(), rules: [{ name: 'r', source: '', target: 'a' }] });
  expect(define).toThrow(expect.objectContaining({ code: 'BACKSTORY_INVALID_RULE', rule: 'r' }));
  expect(() => defineBackstory({ name: 'social', store: memory(), rules: {} as never })).toThrow(
    'needs a list of rules',
  );
});

test('closing the application waits for handlers under way', async () => {
  const ended: string[] = [];
  const app = await defineBackstory({ name: 'social', store: memory(), events: [LikeAdded] }).start();
  app.bus.subscribe(LikeAdded, async () => {
    await new Promise(setImmediate);
    ended.push('handled');
  });
  await app.bus.publish('post-7', [new LikeAdded('ann', 1)], { wait: 'record' });
  await app.close();
  expect(ended).toEqual(['handled']);
  await expect(app.bus.publish('post-7', [new LikeAdded('ann', 1)])).rejects.toMatchObject({
    code: 'BACKSTORY_BUS_CLOSED',
  });
});
