import {
  Aggregate,
  DomainEvent,
  EventHandler,
  EventSourcedAggregate,
  defineBackstory,
  type App,
  type Storage,
} from 'backstory';
import { Command, CommandHandler, ProcessManager, ProcessState, type ProcessStep } from 'backstory/process';

@DomainEvent('order.given-up')
export class GivenUp {
  constructor(readonly orderId: string) {}
}
@DomainEvent('letter.sent')
class LetterSent {}

@Aggregate('order')
export class Order extends EventSourcedAggregate {
  count = 0;
  giveUp() {
    this.raise(new GivenUp(this.id));
  }
  @EventHandler(GivenUp) protected gaveUp() {
    this.count++;
  }
}
@Aggregate('letter')
export class Letter extends EventSourcedAggregate {
  count = 0;
  send() {
    this.raise(new LetterSent());
  }
  @EventHandler(LetterSent) protected sent() {
    this.count++;
  }
}

@Command('order.give-up')
export class GiveUp {
  constructor(readonly orderId: string) {}
}
class SendLetter {
  constructor(readonly orderId: string) {}
}

@Aggregate('farewell')
class Farewell extends ProcessState {}

@ProcessManager('farewells', { state: Farewell, id: 'orderId', checkpointMs: 20 })
class Farewells {
  @EventHandler(GivenUp)
  async write({ orderId }: GivenUp, _: unknown, process: ProcessStep) {
    await process.send(new SendLetter(orderId));
    process.complete();
  }
}

/** Orders are given up when it is time, and each gets a letter. `done` is told after an effect, before it is written down that it is done. */
export const scheduleShop = (store: Storage, done: (what: string) => void) => {
  class Handler {
    constructor(private readonly app: App) {}
    @CommandHandler(GiveUp) async giveUp({ orderId }: GiveUp) {
      await this.app.repository(Order).update(orderId, (order) => order.giveUp(), { create: true });
      done(`order ${orderId}`);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    @CommandHandler(SendLetter) async send({ orderId }: SendLetter) {
      await this.app.repository(Letter).update(orderId, (letter) => letter.send(), { create: true });
      done(`letter ${orderId}`);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }
  return defineBackstory({
    name: 'shop',
    store,
    aggregates: [Order, Letter, Farewell],
    commands: [Handler],
    subscribers: [Farewells],
    schedules: { pollMs: 20, leaseMs: 500, concurrency: 4, delayMs: 50 },
  });
};
