import { alertsOf, type Alert, type Backtest, type PastAlert } from '@backstory/core/observability';
import { columns } from '../columns.js';
import { counted } from '../counted.js';
import { UsageError } from '../errors.js';
import { from, upTo } from '../instant.js';
import { LIMIT, limitOf, type LimitValues } from '../limit.js';
import { wholeFrom } from '../numbers.js';
import { subscriptionsOf, withLog, withStores } from '../open.js';
import type { Paper } from '../paper.js';
import type { Verb, VerbCall } from '../verb.js';

const ACTIONS = ['list', 'backtest'] as const;

interface Options extends LimitValues {
  readonly firing?: boolean;
  readonly from?: Date;
  readonly to?: Date;
  readonly every?: number;
}

export const verb: Verb = {
  arguments: [{ name: '<action>', description: 'what to do', choices: ACTIONS }],
  options: [
    { flags: '--firing', description: 'list: only what is raised and not resolved' },
    {
      flags: '--from <time>',
      description: 'backtest: from when on (default: a day before the end)',
      parse: from,
    },
    { flags: '--to <time>', description: 'backtest: until when (default: the last event)', parse: upTo },
    {
      flags: '--every <seconds>',
      description: 'backtest: how often the rules are evaluated in that time (default: 60)',
      parse: wholeFrom(1),
    },
    ...LIMIT,
  ],
  notes:
    'list shows what was recorded of alerts, the latest first. What a process raised that was killed\n' +
    'stays "firing": nobody said what became of it.\n\n' +
    'backtest lets the recorded past go by and says what the rules of the configuration would have\n' +
    'raised: from the events, and from what subscriptions with the option "outcomes" kept of what\n' +
    'became of them. Of the attempts at one event that is the last. What nobody kept, such as memory,\n' +
    'is unknown, and not zero; such rules are named.',
  examples: [
    ['backstory alerts list', 'what was raised, how bad it was, how long it lasted'],
    ['backstory alerts list --firing --json', 'what is raised now, for a script'],
    ['backstory alerts backtest', 'what the rules would have said about the last day'],
    ['backstory alerts backtest --from 2026-11-01 --every 600', 'about this month, roughly'],
  ],
  paged: true,
  run(call) {
    const [action] = call.arguments as [(typeof ACTIONS)[number]];
    return action === 'list' ? list(call) : backtest(call);
  },
};

async function list(call: VerbCall): Promise<void> {
  const { report } = call;
  const { firing, from: since, to, every, ...limits } = call.options as Options;
  if (since ?? to ?? every)
    throw new UsageError('conflicting-options', '--from, --to and --every are for backtest.');
  const limit = limitOf(limits, report.asJson);
  const found = await withLog(call, (log) => alertsOf(log));
  const shown = firing ? found.filter(({ state }) => state === 'firing') : found;
  await report.list<Alert>({
    key: 'alerts',
    items: each(shown.slice(0, limit + 1)),
    limit,
    text: (alerts, paper) => alertLines(alerts, paper, 'state'),
    more: () => 'There are more: a larger --limit, or --all.',
    empty: firing ? 'Nothing is raised.' : 'No alert was recorded.',
  });
}

async function backtest(call: VerbCall): Promise<void> {
  const { from: since, to, every = 60, firing } = call.options as Options;
  if (firing) throw new UsageError('conflicting-options', '--firing is for list.');
  const options = { everyMs: every * 1_000, ...(since && { from: since }), ...(to && { upTo: to }) };
  const found = await withStores(call, { readOnly: true }, ({ events, state, definition }) => {
    const analysis = definition?.observability?.analysis;
    if (!analysis) throw new UsageError('no-rules', NO_RULES);
    const name = definition.name;
    return analysis.backtest(
      { name, events, subscriptions: subscriptionsOf({ events, state, name }) },
      options,
    );
  });
  await call.report.answer(found, (paper) => backtestLines(found, paper));
}

function backtestLines(found: Backtest, paper: Paper): readonly string[] {
  const { from: since, upTo: end, events, outcomes, alerts, unknown, withoutOutcomes } = found;
  const raised =
    alerts.length === 0 ? ['Nothing would have been raised.'] : alertLines(alerts, paper, 'past');
  return [
    `From ${since} to ${end}: ${counted(events, 'event')}, ${counted(outcomes, 'outcome')}.`,
    '',
    ...raised,
    ...(unknown.length === 0 ? [] : ['', `Nothing is known of what these are about: ${unknown.join(', ')}.`]),
    ...(withoutOutcomes.length === 0
      ? []
      : [
          '',
          `These do not keep what became of all their events (outcomes: 'all'): ${withoutOutcomes.join(', ')}.`,
        ]),
  ].map((line) => paper.plain(line));
}

function alertLines(
  alerts: readonly (Alert | PastAlert)[],
  paper: Paper,
  kind: 'state' | 'past',
): readonly string[] {
  const state = { head: 'state', text: (it: Alert | PastAlert) => ('state' in it ? it.state : '') };
  return columns(
    alerts,
    [
      { head: 'alert', text: ({ alert }) => alert },
      { head: 'of', text: ({ labels }) => Object.values(labels).join(', ') },
      { head: 'severity', text: ({ severity }) => severity },
      ...(kind === 'state' ? [state] : []),
      { head: 'from', text: ({ startedAt }) => startedAt },
      { head: 'lasted', text: lasted, align: 'right' },
      { head: 'why', text: ({ why }) => why },
    ],
    paper,
  );
}

function lasted({ startedAt, endedAt }: Pick<Alert, 'startedAt' | 'endedAt'>): string {
  return endedAt === undefined
    ? ''
    : `${Math.round((Date.parse(endedAt) - Date.parse(startedAt)) / 1_000)} s`;
}

async function* each<T>(items: readonly T[]): AsyncGenerator<T, void> {
  yield* items;
}

const NO_RULES =
  'The configuration has no rules: give defineBackstory an observability with analysis, e.g. ' +
  "new ObservabilityManager({ serviceName: 'shop', analysis: {} }).";
