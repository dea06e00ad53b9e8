import type { Schedule, ScheduleAdmin } from '@backstory/process/schedules';
import { checkUse, type ActionUse } from '../action-use.js';
import { ASKED_BY, askedBy, type AskedByValues } from '../asked-by.js';
import { columns } from '../columns.js';
import { UsageError } from '../errors.js';
import { LIMIT, limitOf, oneMore, type LimitValues } from '../limit.js';
import { withSchedules } from '../open.js';
import type { Verb, VerbCall } from '../verb.js';

const ACTIONS = ['list', 'cancel', 'retry'] as const;
type Action = (typeof ACTIONS)[number];

interface Options extends AskedByValues, LimitValues {
  readonly prefix?: string;
  readonly after?: string;
}

const ASKING = ['cancel', 'retry'];
const USE: ActionUse = {
  words: [['id', ASKING]],
  options: {
    prefix: ['list'],
    after: ['list'],
    limit: ['list'],
    all: ['list'],
    actor: ASKING,
    reason: ASKING,
  },
};

export const verb: Verb = {
  arguments: [
    { name: '<action>', description: 'what to do', choices: ACTIONS },
    { name: '[id]', description: 'cancel, retry: which schedule' },
  ],
  options: [
    { flags: '--prefix <text>', description: 'list: only those whose ids begin so' },
    { flags: '--after <id>', description: 'list: only those whose ids follow this one' },
    ...ASKED_BY,
    ...LIMIT,
  ],
  notes:
    'A schedule keeps a command or an event until it is due. It waits; or it is firing, and cannot be\n' +
    'changed; or it failed as often as it may, and stands there with its error until it is retried or\n' +
    'cancelled. Both are recorded with who asked. In doubt is what has an attempt of which nobody knows\n' +
    'what became of it: it ran out of time and was not heard to end, its process is gone, or the store\n' +
    'gave no answer to what it recorded. That may still be recorded, also when the schedule is cancelled:\n' +
    'look for it in the log before you do it by hand. Tried again it is recorded once. What happens again\n' +
    'and again stays in doubt of a time that was given up, until that attempt ends or it is cancelled.',
  examples: [
    ['backstory schedules list', 'what is kept for later, and what failed'],
    ['backstory schedules list --prefix bonus-', 'some of it'],
    ['backstory schedules cancel bonus-42 --reason "account closed"', 'it is not carried out'],
    ['backstory schedules retry bonus-42', 'what failed is tried again, at once'],
  ],
  paged: true,
  async run(call) {
    checkUse(call, USE);
    const [action, id] = call.arguments as [Action, string | undefined];
    await withSchedules(call, { readOnly: action === 'list' }, async (admin) => {
      if (action === 'list') return list(call, admin);
      if (id === undefined || id === '')
        throw new UsageError('missing-id', `Which schedule? backstory schedules ${action} <id>.`);
      return change(call, admin, { action, id });
    });
  },
};

async function list(call: VerbCall, admin: ScheduleAdmin): Promise<void> {
  const { prefix, after, ...limits } = call.options as Options;
  const { report } = call;
  const limit = limitOf(limits, report.asJson);
  let isSomeInDoubt = false;
  await report.list<Schedule>({
    key: 'schedules',
    items: schedules(admin, { prefix, after, ...oneMore(limit, report.asJson) }),
    limit,
    text: (found, paper) => {
      isSomeInDoubt ||= found.some(isSaidInDoubt);
      return columns(
        found,
        [
          { head: 'schedule', text: ({ id }) => id },
          { head: 'state', text: stateOf },
          { head: 'due', text: ({ due }) => due.toISOString() },
          { head: 'every', text: ({ every }) => (every === undefined ? 'once' : `${every / 1_000} s`) },
          {
            head: 'what',
            text: ({ type, stream }) => (stream === undefined ? type : `${type} in ${stream}`),
          },
          { head: 'attempts', text: ({ attempts }) => attempts, align: 'right' },
          { head: 'by', text: ({ actor }) => actor ?? '' },
          { head: 'why', text: ({ error }) => error ?? '' },
        ],
        paper,
      );
    },
    more: ({ id }) => `There are more: --after ${id}, a larger --limit, or --all.`,
    empty: 'Nothing is scheduled.',
  });
  if (isSomeInDoubt) await report.note(IN_DOUBT);
}

const IN_DOUBT =
  'In doubt: nobody knows what became of an attempt, and what it does may still be recorded. ' +
  'Look for it in the log before you do it by hand.';

function stateOf(schedule: Schedule): string {
  return isSaidInDoubt(schedule) ? `${schedule.state}, in doubt` : schedule.state;
}

/** That what is firing may be at work goes without saying. */
function isSaidInDoubt({ state, isInDoubt }: Schedule): boolean {
  return isInDoubt && state !== 'firing';
}

interface Listing {
  readonly prefix: string | undefined;
  readonly after: string | undefined;
  readonly limit?: number;
}

async function* schedules(
  admin: ScheduleAdmin,
  { prefix = '', after = '', limit = Infinity }: Listing,
): AsyncGenerator<Schedule, void> {
  let from = after;
  for (let left = limit; left > 0;) {
    const page = await admin.list({ prefix, after: from, limit: Math.min(left, PAGE) });
    yield* page;
    if (page.length === 0) return;
    from = page.at(-1)!.id;
    left -= page.length;
  }
}

const PAGE = 1_000;

interface Change {
  readonly action: Exclude<Action, 'list'>;
  readonly id: string;
}

async function change({ options, report }: VerbCall, admin: ScheduleAdmin, { action, id }: Change) {
  const by = askedBy(options as Options);
  const schedule = await admin[action](id, by);
  await report.answer({ schedule, action, actor: by.actor }, () => [
    `${id} (${schedule.type}) ${action === 'cancel' ? 'is cancelled' : 'is tried again'}: asked for by ${by.actor}.`,
  ]);
  if (action === 'retry')
    await report.note(
      'The process that carries schedules out does so within a second, or when one is started.',
    );
  else if (schedule.isInDoubt) await report.note(IN_DOUBT);
}
