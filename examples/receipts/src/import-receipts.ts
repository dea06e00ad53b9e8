import { Context, type App } from 'backstory';
import { readXes, type XesCase, type XesEvent } from '../../xes/read-xes';
import { Receipt } from './receipt';
import {
  AdviceAssessed,
  AdviceDrafted,
  AdviceReceived,
  AdviceRequested,
  ConfirmationMoved,
  HoldReportMoved,
  Registered,
  StopAssessed,
  UnlicensedRequestMoved,
  type Application,
  type Done,
  type Step,
} from './receipt-events';

/** The real log of a Dutch municipality that comes with pm4js (Process Mining for JavaScript). */
export const RECEIPTS_LOG = require.resolve('pm4js/examples/input_data/receipt.xes');

/** What an import did, so far or in all. */
export interface Imported {
  readonly cases: number;
  /** Of the log; what was recorded before counts as well. */
  readonly events: number;
  readonly recorded: number;
}

export interface ImportOptions {
  readonly file?: string;
  /** Called after each batch of cases. `of` is how many cases there are. */
  readonly onProgress?: (done: Imported, of: number) => void;
}

/**
 * Records every application of the log as a `Receipt`: one append a case, so a case is recorded whole or not at all.
 *
 * Importing again records nothing twice: an append is identified by its case and its last step. A log that has grown since
 * adds what is new to each case.
 */
export async function importReceipts(
  app: App,
  { file = RECEIPTS_LOG, onProgress = () => undefined }: ImportOptions = {},
): Promise<Imported> {
  const cases = await readXes(file);
  let done: Imported = { cases: 0, events: 0, recorded: 0 };
  for (let i = 0; i < cases.length; i += AT_ONCE) {
    const batch = cases.slice(i, i + AT_ONCE);
    const recorded = await Promise.all(batch.map((it) => importCase(app, it)));
    done = {
      cases: done.cases + batch.length,
      events: done.events + sum(batch.map((it) => it.events.length)),
      recorded: done.recorded + sum(recorded),
    };
    onProgress(done, cases.length);
  }
  return done;
}

/** Appends that wait together are committed together. */
const AT_ONCE = 64;

/** How many events it recorded. */
async function importCase(app: App, log: XesCase): Promise<number> {
  const id = log.name.replace(/^case-/, '');
  const steps = log.events.map((event) => ({ event, step: stepOf(event, log) }));
  const record = (receipt: Receipt) => {
    for (const { event, step } of steps.slice(receipt.version)) receipt.record(step, event.activity);
  };
  const commandId = `${log.name} to ${steps.at(-1)?.step.task}`;
  const { repeated, ids } = await Context.of({ correlationId: log.name }).run(() =>
    app.repository(Receipt).update(id, record, { create: true, commandId }),
  );
  return repeated ? 0 : ids.length;
}

function stepOf({ activity, at, attributes }: XesEvent, log: XesCase): Step {
  const make = STEP_OF.find(([pattern]) => pattern.test(activity));
  if (!make) throw new Error(`The log has an activity that receipts do not know: ${activity}`);
  const done = {
    task: required(attributes, 'concept:instance'),
    resource: required(attributes, 'org:resource'),
    group: required(attributes, 'org:group'),
    completedAt: at,
  };
  const [pattern, step] = make;
  return step(done, Number(pattern.exec(activity)![1]), log);
}

/** By the number that the municipality gave each activity; the second number of T07 and T09 is given on. */
const STEP_OF: readonly (readonly [RegExp, (done: Done, n: number, log: XesCase) => Step])[] = [
  [/^Confirmation of receipt$/, (done, _, log) => new Registered(done, applicationOf(log))],
  [/^T02 /, (done) => new ConfirmationMoved(done, 'checked')],
  [/^T03 /, (done) => new ConfirmationMoved(done, 'adjusted')],
  [/^T04 /, (done) => new ConfirmationMoved(done, 'determined')],
  [/^T05 /, (done) => new ConfirmationMoved(done, 'sent')],
  [/^T06 /, (done) => new AdviceAssessed(done)],
  [/^T07-(\d) /, (done, aspect) => new AdviceDrafted(done, aspect)],
  [/^T08 /, (done) => new AdviceRequested(done)],
  [/^T09-(\d) /, (done, party) => new AdviceReceived(done, party)],
  [/^T10 /, (done) => new StopAssessed(done)],
  [/^T11 /, (done) => new UnlicensedRequestMoved(done, 'created')],
  [/^T12 /, (done) => new UnlicensedRequestMoved(done, 'checked')],
  [/^T13 /, (done) => new UnlicensedRequestMoved(done, 'adjusted')],
  [/^T14 /, (done) => new UnlicensedRequestMoved(done, 'determined')],
  [/^T15 /, (done) => new UnlicensedRequestMoved(done, 'sent')],
  [/^T16 /, (done) => new HoldReportMoved(done, 'created')],
  [/^T17 /, (done) => new HoldReportMoved(done, 'checked')],
  [/^T18 /, (done) => new HoldReportMoved(done, 'adjusted')],
  [/^T19 /, (done) => new HoldReportMoved(done, 'determined')],
  [/^T20 /, (done) => new HoldReportMoved(done, 'sent')],
];

/** Its `enddate` is left out: the log says it of the whole case, from the first step on, when nobody could know it. */
function applicationOf({ attributes }: XesCase): Application {
  return {
    channel: required(attributes, 'channel'),
    department: required(attributes, 'department'),
    responsible: required(attributes, 'responsible'),
    caseGroup: attributes['group'] ?? null,
    startedAt: new Date(required(attributes, 'startdate')),
    deadline: new Date(required(attributes, 'deadline')),
    plannedEnd: new Date(required(attributes, 'enddate_planned')),
  };
}

function required(attributes: XesCase['attributes'], key: string): string {
  const value = attributes[key];
  if (value === undefined) throw new Error(`The log lacks ${key}: ${JSON.stringify(attributes)}`);
  return value;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, it) => total + it, 0);
}
