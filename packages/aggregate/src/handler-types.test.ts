// What the compiler must refuse. `npm run typecheck` fails when an expected error is missing. Keep in step with the TC39 twin.
import type { RecordedEvent } from '@backstory/core';
import { DomainEvent, EventHandler, Field, instant } from '@backstory/events';
import { Aggregate } from './aggregate-decorator.js';
import { EventSourcedAggregate } from './event-sourced-aggregate.js';

@DomainEvent('account.deposited')
class Deposited {
  constructor(readonly amount: number) {}
}
@DomainEvent('account.renamed')
class Renamed {
  constructor(readonly name: string) {}
}

function accepted(): unknown[] {
  @Aggregate('account')
  class Account extends EventSourcedAggregate {
    @Field(instant) private at?: Date;
    @EventHandler(Deposited) protected deposited(_event: Deposited): void {}
    @EventHandler(Renamed) private renamed(_event: Renamed): void {}
    @EventHandler(Deposited) public without(): void {}
    @EventHandler(Deposited) @EventHandler(Renamed) either(_event: Deposited | Renamed): void {}
    private uses = () => [this.at, this.renamed, this.deposited, this.uses];
  }

  class Desk {
    @EventHandler(Deposited) async plain(_event: Deposited): Promise<void> {}
    @EventHandler(Deposited, { retry: { attempts: 5 }, timeoutMs: 2_000, priority: 'high' })
    private async check(_event: Deposited, recorded: RecordedEvent<Deposited>): Promise<number> {
      return recorded.data.amount;
    }
    @EventHandler(Deposited, { when: (recorded) => recorded.data.amount > 3 })
    some(_event: Deposited): void {}
    private uses = () => [this.check, this.uses];
  }
  return [Account, Desk];
}

function refused(): unknown[] {
  class Account extends EventSourcedAggregate {
    // @ts-expect-error -- the method takes another event
    @EventHandler(Deposited) protected other(_event: Renamed): void {}
    // @ts-expect-error -- the same on a private method
    @EventHandler(Deposited) private another(_event: Renamed): void {}
    // @ts-expect-error -- a fold has no reaction options
    @EventHandler(Deposited, { retry: { attempts: 5 } }) options(_event: Deposited): void {}
    // @ts-expect-error -- nor a filter
    @EventHandler(Deposited, { when: () => true }) filter(_event: Deposited): void {}
    // @ts-expect-error -- a fold is synchronous
    @EventHandler(Deposited) async waits(_event: Deposited): Promise<void> {}
    // @ts-expect-error -- a fold is given the event alone
    @EventHandler(Deposited) envelope(_event: Deposited, _recorded: RecordedEvent<Deposited>): void {}
    // @ts-expect-error -- only methods handle events
    @EventHandler(Deposited) property = 1;
    private uses = () => [this.another, this.uses];
  }

  class Desk {
    // @ts-expect-error -- the method takes another event
    @EventHandler(Deposited) other(_event: Renamed): void {}
    // @ts-expect-error -- the recorded event is of another event
    @EventHandler(Deposited) envelope(_event: Deposited, _recorded: RecordedEvent<Renamed>): void {}
    // @ts-expect-error -- no such option
    @EventHandler(Deposited, { retries: 5 }) option(_event: Deposited): void {}
    // @ts-expect-error -- a field is declared on a property, not on a constructor parameter
    constructor(@Field(instant) readonly at: Date) {}
  }

  class Teller extends EventSourcedAggregate {
    tell(): void {
      this.raise(new Deposited(1), { actor: 'ann', priority: 'high', own: [1], occurredAt: new Date(0) });
      // @ts-expect-error -- what metadata is known has its types
      this.raise(new Deposited(1), { actor: 5 });
      // @ts-expect-error -- a priority has its names
      this.raise(new Deposited(1), { priority: 'urgent' });
    }
  }

  // @ts-expect-error -- raise is for the aggregate itself
  new Account().raise(new Deposited(1));
  return [Account, Desk, Teller];
}

it('is checked by the compiler', () => {
  expect(accepted().length + refused.length).toBe(2);
});
