import os from 'node:os';
import { Context, Recorder, StoreUnusable, type LogIdentity, type Storage } from '@backstory/core';
import type { Migration, StoreAdministration, StoreStatus } from '@backstory/core/administration';
import { UsageError } from '../errors.js';
import { storageFor } from '../open.js';
import type { Paper } from '../paper.js';
import type { Verb, VerbCall } from '../verb.js';

interface Options {
  readonly plan?: boolean;
  readonly yes?: boolean;
  readonly actor?: string;
}

/** What is done to a store, and which options say how. */
interface Action {
  readonly options: readonly (keyof Options)[];
  run(storage: Storage, call: VerbCall): Promise<void>;
}

const ACTIONS: Readonly<Record<string, Action>> = {
  status: { options: [], run: (storage, call) => administering(storage, call, status) },
  init: { options: [], run: (storage, call) => administering(storage, call, init) },
  migrate: { options: ['plan'], run: (storage, call) => administering(storage, call, migrate) },
  sql: { options: [], run: (storage, call) => administering(storage, call, sql) },
  adopt: { options: ['actor'], run: adopt },
  drop: { options: ['yes'], run: (storage, call) => administering(storage, call, drop) },
};

export const verb: Verb = {
  arguments: [{ name: '<action>', description: 'what to do', choices: Object.keys(ACTIONS) }],
  options: [
    { flags: '--plan', description: 'migrate: print what would be run, and run nothing' },
    { flags: '--actor <name>', description: 'adopt: who does it; default: your user name' },
    { flags: '--yes', description: 'drop: yes, all events' },
  ],
  notes:
    'status   what the store is made of, which log it holds, and whether it is of this release\n' +
    'init     makes the store; an application that may do so does it by itself\n' +
    'migrate  moves it on to this release; processes of the release before go on appending\n' +
    'sql      prints what init would run, for those who run it by other means\n' +
    'adopt    accepts the log as it is, after a restore or a failover that lost events: consumers\n' +
    '         that had seen more than it holds stop, and go on from its end once they are reset\n' +
    'drop     removes the store with every event in it',
  examples: [
    ['backstory store status', 'what is there, and what is missing'],
    ['backstory store migrate --plan', 'the SQL that this release needs, before it is run'],
    [
      'backstory store sql --store postgres://db.example/bank > store.sql',
      'for a database that others look after',
    ],
    ['backstory store drop --store sqlite:trial.db --yes', 'a trial is over'],
  ],
  async run(call) {
    const [name] = call.arguments as [string];
    const action = ACTIONS[name]!;
    for (const [option, actions] of BELONGING) {
      if (call.options[option] === undefined || action.options.includes(option)) continue;
      throw new UsageError(
        'conflicting-options',
        `--${option} belongs to store ${actions}, not to store ${name}.`,
      );
    }
    await action.run(await storageFor(call), call);
  },
};

const BELONGING: readonly (readonly [option: keyof Options, action: string])[] = [
  ['plan', 'migrate'],
  ['actor', 'adopt'],
  ['yes', 'drop'],
];

async function administering(
  storage: Storage,
  call: VerbCall,
  work: (administration: StoreAdministration, call: VerbCall) => Promise<void>,
): Promise<void> {
  if (!storage.administer) {
    const message = 'it is made of nothing that could be looked after.';
    throw new StoreUnusable(storage.description, 'unsupported', message);
  }
  const administration = await storage.administer();
  try {
    await work(administration, call);
  } finally {
    await administration.close();
  }
}

async function status(administration: StoreAdministration, { report }: VerbCall): Promise<void> {
  const found = await administration.status();
  const plan = found.version > found.wanted ? [] : await administration.plan();
  const pending = plan.map(({ version, summary }) => ({ version, summary }));
  await report.answer({ ...found, log: found.log ?? null, pending }, (paper) =>
    statusLines(found, plan, paper),
  );
}

function* statusLines(
  { store, version, wanted, log, facts }: StoreStatus,
  plan: readonly Migration[],
  paper: Paper,
): Generator<string, void> {
  const shown: Record<string, string | number> = {
    store,
    version: version === 0 ? 'there is no store yet' : `${version} (this release uses ${wanted})`,
    ...(log && {
      log: log.epoch === 1 ? log.logId : `${log.logId}, epoch ${log.epoch} from position ${log.epochStart}`,
      head: log.head,
    }),
    ...facts,
  };
  const width = Math.max(...Object.keys(shown).map((name) => name.length));
  for (const [name, fact] of Object.entries(shown))
    yield `${paper.dim(name.padEnd(width))}  ${paper.plain(String(fact))}`;
  if (plan.length === 0) return;
  yield '';
  yield version === 0 ? 'Make it with backstory store init.' : 'Move it on with backstory store migrate:';
  if (version > 0) yield* planLines(plan, paper);
}

function* planLines(plan: readonly Migration[], paper: Paper): Generator<string, void> {
  for (const { version, summary } of plan) yield `  ${version}  ${paper.plain(summary)}`;
}

async function init(administration: StoreAdministration, { report }: VerbCall): Promise<void> {
  const made = await administration.init();
  const { store, version } = await administration.status();
  await report.answer({ made, version }, (paper) => [
    `${paper.plain(store)} ${made ? 'was made' : 'was there'}, version ${version}`,
  ]);
}

async function migrate(administration: StoreAdministration, { options, report }: VerbCall): Promise<void> {
  const { plan: onlyPlan = false } = options as Options;
  const steps = await (onlyPlan ? administration.plan() : administration.migrate());
  await report.answer({ done: !onlyPlan, steps }, (paper) => migrateLines(steps, onlyPlan, paper));
}

function* migrateLines(
  steps: readonly Migration[],
  onlyPlan: boolean,
  paper: Paper,
): Generator<string, void> {
  if (steps.length === 0) yield 'There is nothing to do: the store is of this release.';
  if (!onlyPlan) yield* planLines(steps, paper);
  for (const { version, summary, usableFrom, sql: text } of onlyPlan ? steps : []) {
    yield paper.dim(`-- ${version}: ${summary}; usable by releases that know ${usableFrom} or later`);
    yield* text.split('\n').map(paper.plain);
  }
}

async function sql(administration: StoreAdministration, { report }: VerbCall): Promise<void> {
  const text = administration.sql();
  await report.answer({ sql: text }, () => text.trimEnd().split('\n'));
}

async function drop(administration: StoreAdministration, { options, report }: VerbCall): Promise<void> {
  const { store, log } = await administration.status();
  if (!(options as Options).yes) {
    const events = log === undefined ? 'nothing' : `its events up to position ${log.head}`;
    throw new UsageError(
      'missing-yes',
      `${store} would be removed with ${events}: add --yes if that is meant.`,
    );
  }
  await administration.drop();
  await report.answer({ dropped: store, head: log?.head ?? 0 }, (paper) => [
    `${paper.plain(store)} is gone, with ${log?.head ?? 0} positions`,
  ]);
}

/** Recorded in the log itself, so that whoever finds consumers stopped learns who did it. */
async function adopt(storage: Storage, { options, report, ...call }: VerbCall): Promise<void> {
  await administering(storage, { options, report, ...call }, requireThere);
  const { actor = os.userInfo().username } = options as Options;
  const opened = await storage.open();
  try {
    const before = await opened.events.identity();
    const log = await opened.events.adopt();
    const data = JSON.stringify({ epoch: log.epoch, epochStart: log.epochStart });
    const write = { stream: '_store', expected: 'any', events: [{ type: 'store.adopted', data }] } as const;
    const recorder = new Recorder(opened.events, { source: 'backstory' });
    await Context.of({ actor }).run(() => recorder.record([write], { system: true }));
    await report.answer({ before, log }, (paper) => adoptLines(before, log, paper));
  } finally {
    await opened.close();
  }
}

/** Opening for writing would make one. */
async function requireThere(administration: StoreAdministration): Promise<void> {
  const { store, version } = await administration.status();
  if (version > 0) return;
  throw new StoreUnusable(
    store,
    'missing',
    'there is no store that could be adopted. Nothing was made; look at --store.',
  );
}

function* adoptLines(before: LogIdentity, log: LogIdentity, paper: Paper): Generator<string, void> {
  yield `log ${paper.plain(log.logId)} is at epoch ${log.epoch} now, from position ${log.epochStart} on (it was at ${before.epoch})`;
}
