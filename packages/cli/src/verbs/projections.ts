import type { EventStore } from '@backstory/core';
import { InvalidDefinition } from '@backstory/events';
import type { Documents, GenerationStatus, Projections, Swapped } from '@backstory/projection';
import { ASKED_BY, askedBy, type AskedByValues } from '../asked-by.js';
import { counted } from '../counted.js';
import { documentLines } from '../document-lines.js';
import { Interrupted, PositionOutOfRange, UsageError } from '../errors.js';
import { upTo } from '../instant.js';
import { wholeFrom } from '../numbers.js';
import { withProjections } from '../open.js';
import { progressOn } from '../progress.js';
import { projectionTable, statusLines } from '../projection-lines.js';
import { checkProjectionUse } from '../projection-use.js';
import type { Verb, VerbCall } from '../verb.js';
import { verificationLines } from '../verification-lines.js';

type Options = AskedByValues & {
  readonly generation?: number;
  readonly rate?: number;
  readonly limit?: number;
  readonly at?: number | Date;
  readonly explain?: boolean;
  readonly maxEvents?: number;
};
/** One use of one action: the projection's name, and the key of a document for `show`. */
interface Use {
  readonly call: VerbCall;
  readonly projections: Projections;
  readonly events: EventStore;
  readonly name: string;
  readonly key: string | undefined;
}
type Act = (use: Use) => Promise<void | 'finding'>;

const ACTIONS = {
  list: ({ call, projections }) => list(call, projections),
  status: (use) => showStatus(use),
  show,
  rebuild,
  verify,
  swap: async (use) =>
    swapped(
      use,
      await interruptible(use.call, (signal) => use.projections.swap(use.name, { ...which(use), ...signal })),
    ),
  rollback: async (use) => swapped(use, await use.projections.rollback(use.name, which(use))),
  drop,
  pause: (use) => ask(use, 'pause'),
  resume: (use) => ask(use, 'resume'),
} as const satisfies Record<string, Act>;
type Action = keyof typeof ACTIONS;

/** Generations that write tables are asked to meet before they are compared: verify is not among these. */
const LOOKING: readonly Action[] = ['list', 'status', 'show'];

export const verb: Verb = {
  arguments: [
    { name: '<action>', description: 'what to do', choices: Object.keys(ACTIONS) },
    { name: '[name]', description: 'which projection; all but list need it' },
    { name: '[key]', description: 'show: the key of the document' },
  ],
  options: [
    {
      flags: '--generation <n>',
      description: 'verify, swap, rollback, drop: which one, where there are several',
      parse: wholeFrom(1),
    },
    { flags: '--rate <n>', description: 'rebuild: at most so many events a second', parse: wholeFrom(1) },
    {
      flags: '--limit <n>',
      description: 'verify: how many differences to show (default 20); show: how many results (default 10)',
      parse: wholeFrom(0),
    },
    {
      flags: '--at <when>',
      description: 'show: as it was at a position of the log, or at a time',
      parse: (text) => (/^\d+$/.test(text) ? Number(text) : upTo(text)),
    },
    { flags: '--explain', description: 'show, with --at: what it took to know it' },
    { flags: '--max-events <n>', description: 'show, with --at: read so many at most', parse: wholeFrom(1) },
    ...ASKED_BY,
  ],
  notes:
    'A rebuild fills a new generation beside the one that is read. Here it is filled by this command,\n' +
    'unless a running application does it already; interrupted, it goes on where it was. Nothing that is\n' +
    'read changes before the swap.',
  examples: [
    ['backstory projections list', 'every projection, its state, and how far it is behind'],
    ['backstory projections rebuild balances', 'fills a new generation beside the one that is read'],
    ['backstory projections verify balances', 'compares the two, document by document, at one position'],
    ['backstory projections swap balances', 'reads the new one from now on'],
    ['backstory projections rollback balances', 'goes back, and says how far behind that is'],
    ['backstory projections show balances account-42 --at 1200 --explain', 'a document as it was'],
  ],
  paged: true,
  async run(call) {
    const [action, name, key] = call.arguments as [Action, string | undefined, string | undefined];
    checkProjectionUse(call);
    return withProjections(call, { readOnly: LOOKING.includes(action) }, (projections, events) => {
      requireKept(projections, call);
      return ACTIONS[action]({ call, projections, events, name: name ?? '', key });
    });
  },
};

/** @throws UsageError for one in memory, unless it is folded for the answer */
function requireKept({ inMemory }: Projections, { arguments: given, options }: VerbCall): void {
  const [action, name] = given as [Action, string | undefined];
  if (name === undefined || !inMemory.includes(name)) return;
  if (action === 'show' && (options as Options).at !== undefined) return;
  throw new UsageError(
    'in-memory',
    `Projection ${name} is in the memory of each process that runs it (target: 'memory'), and a command is a process of its own: ` +
      `ask the application for its status. A document as the log gives it: backstory projections show ${name} <key> --at <position or time>.`,
  );
}

function which({ call }: Use) {
  const { generation, ...who } = call.options as Options;
  return { ...askedBy(who), ...(generation !== undefined && { generation }) };
}

async function list({ report }: VerbCall, projections: Projections): Promise<void> {
  const statuses = await projections.list();
  await report.answer({ projections: statuses }, (paper) => projectionTable(statuses, paper));
  const { inMemory } = projections;
  if (inMemory.length > 0)
    await report.note(
      `In the memory of each process that runs them, and so not here: ${inMemory.join(', ')}. ` +
        '`backstory projections show <name> <key> --at <position or time>` folds a document of theirs.',
    );
  else if (statuses.length === 0)
    await report.note('No projection was ever started: defineBackstory({ projections: [ … ] }) has them.');
}

async function showStatus({ call, projections, name }: Use): Promise<void> {
  const status = await projections.status(name);
  await call.report.answer({ projection: status }, (paper) => statusLines(status, paper));
}

async function ask(use: Use, action: 'pause' | 'resume'): Promise<void> {
  const { call, projections, name } = use;
  const by = askedBy(call.options as Options);
  await projections[action](name, by);
  await call.report.note(
    `Asked for by ${by.actor}. The process that feeds ${name} does so as soon as it looks, or when one is started.`,
  );
  await showStatus(use);
}

async function rebuild({ call, projections, name }: Use): Promise<void> {
  const { rate, ...who } = call.options as Options;
  const bar = await progressOn(call.io, `Rebuilding ${name}`);
  const filled = await interruptible(call, (signal) =>
    projections.fill(name, {
      ...askedBy(who),
      ...(rate !== undefined && { eventsPerSecond: rate }),
      ...signal,
      onProgress: ({ position, lag }) => bar.update(position, position + lag.events),
    }),
  ).finally(bar.stop);
  await call.report.answer({ projection: name, generation: filled }, (paper) => [
    `${paper.bold(name)}: generation ${filled.generation} of version ${filled.version} is filled: ${contentText(filled)} of ${counted(filled.events, 'event')}.`,
    `Compare it with what is read: backstory projections verify ${name}`,
  ]);
}

/** @throws Interrupted where Ctrl-C has ended it */
async function interruptible<T>(
  { io: { signal } }: VerbCall,
  work: (signal: { readonly signal?: AbortSignal }) => Promise<T>,
): Promise<T> {
  try {
    return await work(signal ? { signal } : {});
  } catch (error) {
    if (signal?.aborted) throw new Interrupted();
    throw error;
  }
}

function contentText({ documents, tables = [] }: GenerationStatus): string {
  return documents === undefined ? `the tables ${tables.join(', ')}` : `${documents} documents`;
}

async function verify({ call, projections, name }: Use): Promise<void | 'finding'> {
  const { generation, limit = 20 } = call.options as Options;
  const wanted = generation !== undefined && { generation };
  const found = await interruptible(call, (signal) =>
    projections.verify(name, { ...wanted, limit, ...signal }),
  );
  await call.report.answer({ verification: found }, (paper) => verificationLines(found, paper));
  return found.isEqual ? undefined : 'finding';
}

async function swapped({ call, projections, name }: Use, done: Swapped): Promise<void> {
  const { generations } = await projections.status(name);
  const { version, owner } = generations.find(({ generation }) => generation === done.generation) ?? {};
  const isFed = owner !== undefined;
  await call.report.answer({ projection: name, ...done, isFed }, (paper) => [
    `${paper.bold(name)}: generation ${done.generation} is read from now on, generation ${done.was} is kept.`,
    done.behind === 0
      ? `It is at position ${done.position}, as far as the other one.`
      : `It is at position ${done.position}, ${done.behind} positions behind the other one, and catches up where code of its version runs.`,
    ...(isFed
      ? []
      : [
          `No process feeds it yet: start one whose code has version ${version} of ${name}, unless one runs.`,
        ]),
  ]);
}

async function drop(use: Use): Promise<void> {
  const generation = await use.projections.drop(use.name, which(use));
  await use.call.report.answer({ projection: use.name, generation }, (paper) => [
    `${paper.bold(use.name)}: generation ${generation} is gone.`,
  ]);
}

/** @throws UsageError where it has none */
function documentsOf(projections: Projections, name: string): Documents<unknown> {
  try {
    return projections.named(name);
  } catch (error) {
    if (!(error instanceof InvalidDefinition)) throw error;
    throw new UsageError(
      'no-documents',
      `Projection ${name} writes tables: read them with SQL, they are the views ${name}.… of the state store.`,
    );
  }
}

async function show({ call, projections, events, name, key }: Use): Promise<void | 'finding'> {
  const { at, explain, maxEvents, limit = 10 } = call.options as Options;
  const documents = documentsOf(projections, name);
  if (key === undefined)
    throw new UsageError('missing-key', `Which document? backstory projections show ${name} <key>.`);
  const resultsUpTo = async (upTo?: number) => {
    // They are kept by the processes that run it.
    if (projections.inMemory.includes(name)) return [];
    const bounds = { backwards: true, limit, ...(upTo !== undefined && { upTo }) };
    return (await documents.results(key, bounds)).slice(0, limit);
  };
  if (at === undefined) {
    const document = await documents.get(key);
    const results = await resultsUpTo();
    const data = {
      projection: name,
      key,
      document: document ?? null,
      ...(results.length > 0 && { results }),
    };
    await call.report.answer(data, (paper) => documentLines(document, results, paper));
    return document === undefined ? 'finding' : undefined;
  }
  if (typeof at === 'number') await requireReached(events, at);
  const found = await documents.asOf(at, maxEvents === undefined ? {} : { maxEvents }).evaluate(key);
  const { document, position, cost } = found;
  const results = await resultsUpTo(position);
  const data = {
    ...{ projection: name, key, document: document ?? null, position },
    ...(results.length > 0 && { results }),
    ...(explain && { cost }),
  };
  await call.report.answer(data, (paper) => [
    ...documentLines(document, results, paper),
    ...(explain
      ? [
          paper.dim(`as of position ${position}: ${cost.because}`),
          paper.dim(
            `${counted(cost.events, 'event')} read in ${counted(cost.pages, 'page')}, ${cost.folded} folded`,
          ),
        ]
      : []),
  ]);
  return document === undefined ? 'finding' : undefined;
}

/** @throws PositionOutOfRange */
async function requireReached(events: EventStore, position: number): Promise<void> {
  const { head } = await events.identity();
  if (position > head) throw new PositionOutOfRange(position, head);
}
