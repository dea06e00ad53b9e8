import { Context, type App } from 'backstory';
import {
  AppealMoved,
  Fine,
  FineCreated,
  FineNotified,
  FineSent,
  PaymentReceived,
  PenaltyAdded,
  SentForCollection,
} from './fine';
import { readXes, type XesCase, type XesEvent } from '../../xes/read-xes';

/** The real log of 100 road-traffic fines that comes with pm4js (Process Mining for JavaScript). */
export const FINES_LOG = require.resolve('pm4js/examples/input_data/roadtraffic100traces.xes');

/**
 * Records every case of the log as a `Fine`, in the order in which things happened, each with its own time.
 *
 * A log of a process has no causation, only an order: a step is taken to follow from the step before it in its case.
 * Importing again records nothing twice, because every step is a command with an id of its own.
 */
export async function importFines(app: App, file = FINES_LOG): Promise<{ cases: number; events: number }> {
  const cases = await readXes(file);
  const steps = cases.flatMap(stepsOf).sort((a, b) => a.event.at.getTime() - b.event.at.getTime());
  const lastIds = new Map<string, string>();
  for (const step of steps) lastIds.set(step.fine, await recordStep(app, step, lastIds.get(step.fine)));
  return { cases: cases.length, events: steps.length };
}

interface Step {
  readonly fine: string;
  readonly number: number;
  readonly event: XesEvent;
}

function stepsOf({ name, events }: XesCase): Step[] {
  return events.map((event, i) => ({ fine: name, number: i + 1, event }));
}

async function recordStep(
  app: App,
  { fine, number, event }: Step,
  causationId: string | undefined,
): Promise<string> {
  const context = Context.of({ correlationId: `case-${fine}` }).with({
    causationId,
    actor: event.attributes['org:resource'],
  });
  const command = { create: true, command: event.activity, commandId: `${fine}/${number}` };
  const record = (aggregate: Fine) => aggregate.record(domainEvent(event), event.at);
  const { ids } = await context.run(() => app.repository(Fine).update(fine, record, command));
  return ids.at(-1)!;
}

function domainEvent({ activity, attributes }: XesEvent): object {
  const make = EVENT_OF[activity];
  if (!make) throw new Error(`The log has an activity that fines do not know: ${activity}`);
  return make((key) => {
    const value = attributes[key];
    if (value === undefined) throw new Error(`${activity} lacks ${key}.`);
    return value;
  });
}

type Attribute = (key: string) => string;

const EVENT_OF: Readonly<Record<string, (of: Attribute) => object>> = {
  'Create Fine': (of) =>
    new FineCreated(
      cents(of('amount')),
      Number(of('article')),
      Number(of('points')),
      of('vehicleClass'),
      of('dismissal'),
    ),
  'Send Fine': (of) => new FineSent(cents(of('expense'))),
  'Insert Fine Notification': (of) => new FineNotified(of('notificationType')),
  'Add penalty': (of) => new PenaltyAdded(cents(of('amount'))),
  Payment: (of) => new PaymentReceived(cents(of('paymentAmount'))),
  'Send for Credit Collection': () => new SentForCollection(),
  'Insert Date Appeal to Prefecture': () => new AppealMoved('date-inserted'),
  'Send Appeal to Prefecture': (of) => new AppealMoved('sent-to-prefecture', of('dismissal')),
  'Receive Result Appeal from Prefecture': () => new AppealMoved('result-received'),
  'Notify Result Appeal to Offender': () => new AppealMoved('offender-notified'),
};

function cents(amount: string): number {
  return Math.round(Number(amount) * 100);
}
