import type { ParkedKey, SubscriptionAdmin } from '@backstory/router';
import { checkUse, type ActionUse } from '../action-use.js';
import { asGiven } from '../as-given.js';
import { ASKED_BY, askedBy, type AskedByValues } from '../asked-by.js';
import { columns } from '../columns.js';
import { UsageError } from '../errors.js';
import { givenText } from '../given-text.js';
import { LIMIT, limitOf, oneMore, type LimitValues } from '../limit.js';
import { withSubscriptions } from '../open.js';
import type { Paper } from '../paper.js';
import { shellWord } from '../shell-word.js';
import type { Verb, VerbCall } from '../verb.js';

const ACTIONS = ['list', 'show', 'retry', 'skip', 'discard', 'edit'] as const;
type Action = (typeof ACTIONS)[number];

const STATES: readonly ParkedKey['state'][] = ['dead', 'retrying', 'draining'];

interface Options extends AskedByValues, LimitValues {
  readonly state?: readonly ParkedKey['state'][];
  readonly every?: boolean;
  readonly data?: string;
}

const MANY = ['retry', 'skip', 'discard'];
const ASKING = [...MANY, 'edit'];
const USE: ActionUse = {
  words: [
    ['subscription', ACTIONS],
    ['key', ['show', ...ASKING]],
  ],
  options: {
    state: ['list'],
    limit: ['list'],
    all: ['list'],
    every: MANY,
    data: ['edit'],
    actor: ASKING,
    reason: ASKING,
  },
};

export const verb: Verb = {
  arguments: [
    { name: '<action>', description: 'what to do', choices: ACTIONS },
    { name: '<subscription>', description: 'in which subscription' },
    {
      name: '[key]',
      description: 'which key: the stream, unless the subscription says otherwise',
      names: 'stream',
    },
  ],
  options: [
    {
      flags: '--state <name>',
      description: 'list: dead, retrying or draining; may be repeated (default: dead)',
      repeatable: true,
    },
    { flags: '--every', description: 'retry, skip, discard: every dead key in place of one' },
    { flags: '--data <json>', description: 'edit: what to handle the event with; @<file> reads a file' },
    ...ASKED_BY,
    ...LIMIT,
  ],
  notes:
    'A key is parked when its event failed for good; what comes for it later waits behind it, in the\n' +
    'log. Then: retry tries it again; skip leaves the event out; edit handles it with other data (the\n' +
    'log stays as it is); discard leaves out the event and all that waits. Each is recorded with who\n' +
    'asked, and carried out by the process that owns the key.',
  examples: [
    ['backstory dead-letters list fraud', 'the dead keys of a subscription, and why'],
    ['backstory dead-letters show fraud account-42', 'one of them, with its error'],
    ['backstory dead-letters retry fraud account-42', 'tries it again, then what waits behind it'],
    ['backstory dead-letters retry fraud --every --reason "fixed in 1.4.1"', 'the same for all of them'],
  ],
  paged: true,
  async run(call) {
    checkUse(call, USE);
    const [action, name, key] = call.arguments as [Action, string, string | undefined];
    const isLooking = action === 'list' || action === 'show';
    await withSubscriptions(call, { readOnly: isLooking }, async (admin) => {
      if (action === 'list') return list(call, admin, name);
      if (action === 'show') {
        const parked = await admin.parkedKey(name, keyIn(key, call));
        return call.report.answer({ deadLetter: parked }, (paper) => parkedLines(parked, paper));
      }
      return ask(call, admin, action);
    });
  },
};

async function list(call: VerbCall, admin: SubscriptionAdmin, name: string): Promise<void> {
  const { state: states = ['dead'], ...limits } = call.options as Options;
  const { report } = call;
  const unknown = states.find((it) => !STATES.includes(it));
  if (unknown !== undefined)
    throw new UsageError('unknown-state', `--state ${unknown}: there are ${STATES.join(', ')}.`);
  const limit = limitOf(limits, report.asJson);
  const wanted = { states, ...oneMore(limit, report.asJson) };
  await report.list<ParkedKey>({
    key: 'deadLetters',
    items: parkedKeys(admin, name, wanted),
    limit,
    text: (parked, paper) =>
      columns(
        parked,
        [
          { head: 'key', text: ({ key }) => key },
          { head: 'state', text: ({ state }) => state },
          { head: 'event', text: ({ eventType }) => eventType },
          { head: 'position', text: ({ cursor }) => cursor, align: 'right' },
          { head: 'attempts', text: ({ attempts }) => attempts, align: 'right' },
          { head: 'since', text: ({ parkedAt }) => parkedAt },
          { head: 'why', text: ({ reason, error }) => `${reason}: ${error.message}` },
        ],
        paper,
      ),
    more: () => 'There are more: a larger --limit, or --all.',
    empty: `Nothing of ${name} is ${states.join(' or ')}.`,
  });
}

async function* parkedKeys(
  admin: SubscriptionAdmin,
  name: string,
  { states, limit = Infinity }: { readonly states: readonly ParkedKey['state'][]; readonly limit?: number },
): AsyncGenerator<ParkedKey, void> {
  let after: ParkedKey | undefined;
  for (let left = limit; left > 0;) {
    const page = await admin.parked(name, { states, limit: Math.min(left, 1_000), ...(after && { after }) });
    yield* page;
    if (page.length === 0) return;
    after = page.at(-1);
    left -= page.length;
  }
}

async function ask(
  call: VerbCall,
  admin: SubscriptionAdmin,
  action: Exclude<Action, 'list' | 'show'>,
): Promise<void> {
  const [, name, key] = call.arguments as [Action, string, string | undefined];
  const { every, data, ...who } = call.options as Options;
  const by = askedBy(who);
  if (every && key !== undefined)
    throw new UsageError(
      'unexpected-key',
      `Give either ${shellWord(key)} or --every, which is every dead key.`,
    );
  if (action === 'edit') {
    if (data === undefined)
      throw new UsageError('missing-data', 'With what? Give --data <json>, or --data @<file>.');
    const text = givenText('--data', data, call.io);
    await asGiven(admin.edit(name, { key: keyIn(key, call), data: text }, by));
  } else await admin[action](name, every ? 'all' : { key: keyIn(key, call) }, by);
  const what = { subscription: name, action, key: every ? null : key!, actor: by.actor };
  await call.report.answer({ request: what }, () => [
    `${action} ${every ? 'every dead key' : key!} of ${name}: asked for by ${by.actor}.`,
  ]);
  await call.report.note('The process that owns it does so as soon as it looks, or when one is started.');
}

function keyIn(key: string | undefined, { arguments: given }: VerbCall): string {
  if (key !== undefined) return key;
  const [action, name] = given as [Action, string];
  throw new UsageError('missing-key', `Which key? backstory dead-letters ${action} ${name} <key>.`);
}

function* parkedLines(parked: ParkedKey, paper: Paper): Generator<string, void> {
  const { key, state, eventType, eventId, stream, from, cursor, handler, attempts, reason, error } = parked;
  const facts: Record<string, string> = {
    state: parked.dueAt === undefined ? state : `${state}, next attempt ${parked.dueAt}`,
    event: `${eventType}  ${stream}  position ${cursor}`,
    id: eventId,
    handler: handler === '' ? 'none: the event could not be read' : handler,
    attempts: String(attempts),
    why: `${reason}: ${error.name}: ${error.message}`,
    parked: from === cursor ? parked.parkedAt : `${parked.parkedAt}, at position ${from}`,
  };
  yield paper.bold(key);
  for (const [fact, text] of Object.entries(facts))
    yield `${paper.dim(fact.padEnd(8))}  ${paper.plain(text)}`;
  if (parked.edited)
    yield `${paper.dim('edited'.padEnd(8))}  ${paper.plain(`by ${parked.edited.actor}: ${parked.edited.data}`)}`;
  if (error.stack === undefined) return;
  yield '';
  for (const line of error.stack.split('\n').slice(1)) yield paper.dim(paper.plain(line));
}
