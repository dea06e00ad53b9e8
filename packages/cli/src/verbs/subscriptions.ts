import type { Outcome, SubscriptionAdmin, SubscriptionStatus } from '@backstory/router';
import { checkUse, type ActionUse } from '../action-use.js';
import { asGiven } from '../as-given.js';
import { ASKED_BY, askedBy, type AskedByValues } from '../asked-by.js';
import { columns } from '../columns.js';
import { UsageError } from '../errors.js';
import { lagText } from '../lag-text.js';
import { LIMIT, limitOf, oneMore, type LimitValues } from '../limit.js';
import { positionOr, wholeFrom } from '../numbers.js';
import { withSubscriptions } from '../open.js';
import type { Paper } from '../paper.js';
import type { Verb, VerbCall } from '../verb.js';

const ACTIONS = ['list', 'status', 'outcomes', 'pause', 'resume', 'reset', 'replay'] as const;
type Action = (typeof ACTIONS)[number];
type Request = Exclude<Action, 'list' | 'status' | 'outcomes' | 'replay'>;

interface Options extends AskedByValues, LimitValues {
  readonly to?: number | 'beginning' | 'now';
  readonly event?: string;
  readonly failed?: boolean;
  readonly key?: string;
  readonly from?: number;
  readonly again?: boolean;
}

const ASKING = ['pause', 'resume', 'reset', 'replay'];
const USE: ActionUse = {
  words: [['name', ['status', 'outcomes', ...ASKING]]],
  options: {
    to: ['reset', 'replay'],
    event: ['outcomes', 'replay'],
    failed: ['outcomes'],
    limit: ['outcomes'],
    all: ['outcomes'],
    key: ['replay'],
    from: ['replay'],
    again: ['replay'],
    actor: ASKING,
    reason: ASKING,
  },
};

export const verb: Verb = {
  arguments: [
    { name: '<action>', description: 'what to do', choices: ACTIONS },
    { name: '[name]', description: 'which subscription; all but list need it' },
  ],
  options: [
    {
      flags: '--to <position>',
      description: 'reset: after which position to go on, or beginning, or now; replay: the last one',
      parse: positionOr('beginning', 'now'),
    },
    { flags: '--from <position>', description: 'replay: the first position', parse: wholeFrom(1) },
    {
      flags: '--key <key>',
      description: 'replay: only events of this key: the stream, unless it says otherwise',
    },
    { flags: '--event <id>', description: 'outcomes, replay: only this event' },
    { flags: '--again', description: 'replay: do again what was done once' },
    { flags: '--failed', description: 'outcomes: only those that are not handled' },
    ...ASKED_BY,
    ...LIMIT,
  ],
  notes:
    'What is shown is what is stored and how far the log is: of a process that hangs or died the lag\n' +
    'goes on growing. What is asked for is recorded and carried out by the processes that run the\n' +
    'subscription, within a second or so, or when one is started.',
  examples: [
    ['backstory subscriptions list', 'every subscription, its state, its lag and what is parked'],
    ['backstory subscriptions status fraud', 'one of them, with the processes that run it'],
    ['backstory subscriptions outcomes fraud --failed', 'which events failed at which handler, and why'],
    ['backstory subscriptions pause fraud --reason "provider down"', 'handles nothing until it is resumed'],
    [
      'backstory subscriptions replay fraud --key account-42',
      'handles what it has handled of one key once more',
    ],
    ['backstory subscriptions reset fraud --to 1200', 'handles every event after position 1200 again'],
  ],
  paged: true,
  async run(call) {
    checkUse(call, USE);
    const [action, name] = call.arguments as [Action, string | undefined];
    await withSubscriptions(call, { readOnly: !isRequest(action) && action !== 'replay' }, async (admin) => {
      if (action === 'list') return list(call, await admin.list());
      if (name === undefined)
        throw new UsageError('missing-name', `Which subscription? backstory subscriptions ${action} <name>.`);
      if (action === 'outcomes') return listOutcomes(call, admin, name);
      if (action === 'replay') return replay(call, admin, name);
      if (isRequest(action)) await ask(call, admin, { action, name });
      const status = await admin.status(name);
      await call.report.answer({ subscription: status }, (paper) => statusLines(status, paper));
    });
  },
};

function isRequest(action: Action): action is Request {
  return action === 'pause' || action === 'resume' || action === 'reset';
}

async function ask(
  { options, report }: VerbCall,
  admin: SubscriptionAdmin,
  { action, name }: { readonly action: Request; readonly name: string },
): Promise<void> {
  const { to, ...who } = options as Options;
  const by = askedBy(who);
  if (action === 'reset') {
    if (to === undefined)
      throw new UsageError('missing-to', 'Where to? Give --to <position>, --to beginning or --to now.');
    await asGiven(admin.reset(name, to, by));
  } else await admin[action](name, by);
  await report.note(`Asked for by ${by.actor}. The processes that run ${name} do so as soon as they look.`);
}

async function replay({ options, report }: VerbCall, admin: SubscriptionAdmin, name: string) {
  const { event, key, from, to, again = false, ...who } = options as Options;
  const by = askedBy(who);
  if (typeof to === 'string')
    throw new UsageError('invalid-option', `--to ${to} is for reset: a replay ends at a position.`);
  const which = {
    ...(event !== undefined && { event }),
    ...(key !== undefined && { key }),
    ...(from !== undefined && { from }),
    ...(to !== undefined && { to }),
  };
  if (Object.keys(which).length === 0)
    throw new UsageError(
      'missing-events',
      'Which events? Give --event <id>, --key <key>, or --from and --to.',
    );
  const id = await asGiven(admin.replay(name, { ...which, again }, by));
  const request = { id, subscription: name, action: 'replay', ...which, again, actor: by.actor };
  await report.answer({ request }, () => [`replay of ${name}: asked for by ${by.actor}, as ${id}.`]);
  await report.note(
    `Its owners do so as soon as they look. When they are through: backstory events --stream _system-${name} --type subscription.replayed --full.`,
  );
}

async function list({ report }: VerbCall, statuses: readonly SubscriptionStatus[]): Promise<void> {
  await report.answer({ subscriptions: statuses }, (paper) =>
    columns(
      statuses,
      [
        { head: 'subscription', text: ({ name }) => name },
        { head: 'state', text: ({ state }) => state },
        { head: 'position', text: ({ position }) => position, align: 'right' },
        { head: 'lag', text: ({ lag }) => lagText(lag), align: 'right' },
        { head: 'retrying', text: ({ parked }) => parked.retrying + parked.draining, align: 'right' },
        { head: 'dead', text: ({ parked }) => parked.dead, align: 'right' },
        { head: 'processes', text: ({ members }) => members.length, align: 'right' },
        { head: 'why', text: ({ reason }) => reason ?? '' },
      ],
      paper,
    ),
  );
  if (statuses.length === 0)
    await report.note('No subscription was ever started: defineBackstory({ subscribers: [ … ] }) has them.');
}

function* statusLines(status: SubscriptionStatus, paper: Paper): Generator<string, void> {
  const { name, state, reason, position, head, lag, parked, savedAt, owned, members } = status;
  const facts: Record<string, string> = {
    state: reason === undefined ? state : `${state}: ${reason}`,
    position: `${position} of ${head}`,
    lag: lagText(lag),
    parked: `${parked.dead} dead, ${parked.retrying} retrying, ${parked.draining} draining`,
    checkpoint: savedAt ?? 'none was kept yet',
    partitions: `${owned} of 64 have an owner`,
  };
  yield paper.bold(name);
  for (const [fact, text] of Object.entries(facts))
    yield `${paper.dim(fact.padEnd(10))}  ${paper.plain(text)}`;
  if (members.length === 0) return;
  yield '';
  yield* columns(
    members,
    [
      { head: 'process', text: ({ host, pid }) => `${host}:${pid}` },
      { head: 'state', text: (it) => it.state },
      { head: 'since', text: ({ since }) => since },
      { head: 'partitions', text: (it) => it.partitions, align: 'right' },
      {
        head: 'in hand',
        text: ({ buffered, isFull }) => `${buffered}${isFull ? ' (full)' : ''}`,
        align: 'right',
      },
      { head: 'why', text: (it) => it.reason ?? '' },
    ],
    paper,
  );
}

async function listOutcomes({ options, report }: VerbCall, admin: SubscriptionAdmin, name: string) {
  const { event, failed, ...limits } = options as Options;
  const limit = limitOf(limits, report.asJson);
  const { limit: most = Infinity } = oneMore(limit, report.asJson);
  const query = {
    ...(event !== undefined && { event }),
    ...(failed && { states: ['retrying', 'dead'] as const }),
  };
  await report.list<Outcome>({
    key: 'outcomes',
    items: outcomesOf((page) => admin.outcomes(name, { ...query, ...page }), most),
    limit,
    text: outcomeLines,
    more: () => 'There are more: a larger --limit, or --all.',
    empty: failed
      ? `No failure is kept of ${name} that was not made good.`
      : `Nothing of the kind is kept of ${name}: its option outcomes says what is, and keepOutcomes for how long.`,
  });
}

async function* outcomesOf(
  read: (page: { readonly limit: number; readonly after?: Outcome }) => Promise<readonly Outcome[]>,
  most: number,
): AsyncGenerator<Outcome, void> {
  let after: Outcome | undefined;
  for (let left = most; left > 0;) {
    const page = await read({ limit: Math.min(left, 1_000), ...(after && { after }) });
    yield* page;
    if (page.length === 0) return;
    after = page.at(-1);
    left -= page.length;
  }
}

function outcomeLines(outcomes: readonly Outcome[], paper: Paper): Iterable<string> {
  return columns(
    outcomes,
    [
      { head: 'position', text: ({ position }) => position, align: 'right' },
      { head: 'event', text: ({ eventType }) => eventType },
      { head: 'stream', text: ({ stream }) => stream },
      { head: 'handler', text: ({ handler }) => handler },
      { head: 'state', text: ({ state }) => state },
      { head: 'attempts', text: ({ attempts }) => attempts, align: 'right' },
      { head: 'ended', text: ({ endedAt }) => endedAt },
      { head: 'ms', text: ({ durationMs }) => durationMs.toFixed(1), align: 'right' },
      { head: 'result', text: resultText },
    ],
    paper,
  );
}

/** What was handled in the end keeps its last failure as well. */
function resultText({ state, result = '', reason, error }: Outcome): string {
  if (!error) return result;
  const failure = `${reason}: ${error.message}`;
  return state === 'handled' ? `${result} (failed before: ${failure})`.trimStart() : failure;
}
