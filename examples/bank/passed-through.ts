import { DomainEvent, defineBackstory, sqlite, type App, type RecordedEvent } from 'backstory';
import { pattern, step } from 'backstory/streams';
import { reaction, subscriber } from 'backstory/subscriptions';
import { Account, Deposited, Withdrawn } from './backstory.config';

/** Somebody has been asked who they are. Recorded in a stream of its own, which is called after the account. */
@DomainEvent('verification.passed')
export class Verified {}

@DomainEvent('case.opened')
export class CaseOpened {
  constructor(
    readonly came: number,
    readonly withdrawal: string,
  ) {}
}

const accountOf = ({ stream }: Pick<RecordedEvent, 'stream'>) => stream.slice(stream.indexOf('-') + 1);

/** Money that comes and is gone within the hour, without anybody having been asked. */
export const passedThrough = pattern('passed-through', {
  version: 1,
  key: accountOf,
  withinMs: 3_600_000,
  initial: { came: 0 },
}).find({
  steps: [
    step(Deposited, { when: ({ amount }) => amount >= 1_000, keep: ({ amount }) => ({ came: amount }) }),
    step(Withdrawn, { when: ({ amount }, { came }) => amount >= came * 0.9 }),
  ],
  without: [step(Verified)],
});

/** Opens a case for each time, once. */
export const cases = (app: App) =>
  subscriber({
    name: 'cases',
    key: accountOf,
    on: [
      reaction(Withdrawn, async (_event, recorded) => {
        for (const { key, result } of await app.projection(passedThrough).resultsOf(recorded))
          await app.record(`case-${key}`, [new CaseOpened(result.memory.came, recorded.id)]);
      }),
    ],
  });

export default defineBackstory({
  name: 'bank',
  store: sqlite('bank.db'),
  aggregates: [Account],
  events: [Verified, CaseOpened],
  projections: [passedThrough],
  subscribers: [cases],
});
