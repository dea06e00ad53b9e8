import { Aggregate, DomainEvent, EventHandler, defineBackstory, memory } from 'backstory';
import { ProcessManager, ProcessState, processSubscriber, type ProcessStep } from '@backstory/process';
import { eventually } from '../../../../test/support/eventually';

@DomainEvent('order.placed')
class Placed {
  constructor(readonly order: string) {}
}
@DomainEvent('fulfilment.noted')
class Noted {
  constructor(readonly attempt: number) {}
}
@Aggregate('fulfilment')
class Fulfilment extends ProcessState {
  readonly noted: number[] = [];
  note(attempt: number) {
    this.raise(new Noted(attempt));
  }
  @EventHandler(Noted) protected on({ attempt }: Noted) {
    this.noted.push(attempt);
  }
}

test('what a step decides when its time is over is not saved: the next attempt decides', async () => {
  let calls = 0;
  let isLate = false;
  @ProcessManager('fulfil', {
    ...{ state: Fulfilment, id: 'order', timeoutMs: 100 },
    retry: { attempts: 3, delayMs: 400 },
  })
  class Fulfil {
    @EventHandler(Placed) async placed(_event: Placed, _recorded: unknown, step: ProcessStep<Fulfilment>) {
      const attempt = ++calls;
      if (attempt === 1)
        await new Promise<void>((end) =>
          step.signal.addEventListener('abort', () => setTimeout(end, 20), { once: true }),
        );
      isLate ||= attempt === 1;
      step.state.note(attempt);
    }
  }
  const app = await defineBackstory({
    name: 'shop',
    store: memory(),
    events: [Placed],
    aggregates: [Fulfilment],
    subscribers: [(it) => processSubscriber(new Fulfil(), it)],
  }).start();
  try {
    await app.record('orders', [new Placed('7')]);
    await eventually(() => isLate);
    const { noted } = await eventually(() => app.repository(Fulfilment).find('7'));
    expect(noted).toEqual([2]);
  } finally {
    await app.close();
  }
});
