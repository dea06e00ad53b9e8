import { verify, type Health, type LogFinding } from '@backstory/replay/verify';
import { counted } from '../counted.js';
import { Interrupted } from '../errors.js';
import { wholeFrom } from '../numbers.js';
import { withStores, type OpenStores } from '../open.js';
import type { Paper } from '../paper.js';
import { progressOn } from '../progress.js';
import { projectionHealth } from '../projection-health.js';
import { subscriptionHealth } from '../subscription-health.js';
import type { Verb, VerbCall } from '../verb.js';

interface Options {
  readonly after?: number;
}

export const verb: Verb = {
  options: [
    {
      flags: '--after <position>',
      description: 'only events after this position',
      parse: wholeFrom(0),
    },
  ],
  notes: `It looks for versions with gaps, causes that are not in the log or come later than
what they caused, clocks that go back or are ahead, types that the application does
not know or that are not called {domain}.{action}, effects that are there twice,
snapshots and documents of projections that a fold of all events does not give,
subscriptions that are faulted, have dead letters, or are ahead of the log, and
events that a subscription which keeps all outcomes has passed with neither outcome
nor parking. What could not be looked at is said. With --store, neither types nor
snapshots nor projections are, unless --config names the application.

It only reads, with little memory but for the documents of one projection at a time,
at most 100,000. That nobody altered the log is another question, which seals
answer: backstory audit verify.

Ends with exit code 1 where there is a finding.`,
  examples: [
    ['backstory verify', 'everything, with what to do about it'],
    ['backstory verify --after 120000', 'only what was recorded since'],
  ],
  paged: true,
  async run(call) {
    const { after = 0 } = call.options as Options;
    return withStores(call, { readOnly: true }, async (stores) => {
      const health = await healthOf(call, stores, after);
      const projections = await projectionHealth(stores, call.io);
      const subscriptions = await subscriptionHealth(stores, { after, signal: call.io.signal });
      const parts = [health, subscriptions, projections];
      const findings = parts.flatMap((it) => it.findings);
      const notChecked = parts.flatMap((it) => it.notChecked);
      const answer = { ...health, findings, notChecked };
      await call.report.answer(answer, (paper) => healthLines(answer, paper));
      return answer.findings.length > 0 ? 'finding' : undefined;
    });
  },
};

async function healthOf({ io }: VerbCall, stores: OpenStores, after: number): Promise<Health> {
  const { events, state, definition } = stores;
  const application = definition && { aggregates: definition.aggregates, types: definition.types };
  const progress = await progressOn(io, 'Verifying');
  let reached = after;
  const onProgress = (position: number, head: number) => {
    reached = position;
    progress.update(position - after, head - after);
  };
  try {
    return await verify({ events, state, application }, { after, signal: io.signal, onProgress });
  } catch (error) {
    if (!io.signal?.aborted) throw error;
    throw new Interrupted(`Interrupted: --after ${reached} goes on with the events that were not looked at.`);
  } finally {
    progress.stop();
  }
}

function* healthLines(health: Health, paper: Paper): Generator<string, void> {
  const { events, streams, snapshots, findings, notChecked } = health;
  const of = [
    counted(events, 'event'),
    ...(streams === null ? [] : [counted(streams, 'stream')]),
    ...(snapshots === null ? [] : [counted(snapshots, 'snapshot')]),
  ];
  if (findings.length === 0) yield paper.good(`Nothing is wrong with ${of.join(', ')}.`);
  else
    yield paper.bad(
      `${findings.length === 1 ? '1 thing is not as it' : `${findings.length} things are not as they`} should be, in ${of.join(', ')}:`,
    );
  for (const finding of findings) yield* findingLines(finding, paper);
  if (notChecked.length > 0) yield '';
  for (const { check, why } of notChecked) yield paper.dim(`not looked at: ${check}; ${why}.`);
}

function* findingLines({ kind, subject, what, todo, count, examples }: LogFinding, paper: Paper) {
  yield '';
  yield `${paper.bold(kind)}  ${paper.name(subject)}${count > 1 ? `  ${count} times` : ''}`;
  yield `    ${paper.plain(what)}`;
  for (const { stream, version, position, id } of examples) {
    const at = position === undefined ? '' : `  position ${position}`;
    yield `    ${paper.name(`${stream} v${version}`)}${paper.dim(at)}${id === undefined ? '' : `  ${paper.dim(id)}`}`;
  }
  if (examples.length > 0 && count > examples.length)
    yield paper.dim(`    and ${count - examples.length} more`);
  yield `    ${paper.plain(todo)}`;
}
