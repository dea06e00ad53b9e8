import fs from 'node:fs';
import path from 'node:path';
import { FlowNotFound, StreamNotFound, type ReplaySource } from '@backstory/replay';
import {
  whatIf,
  whatIfFlow,
  type FlowWhatIf,
  type InsertedEvent,
  type WhatIf,
  type WhatIfOptions,
} from '@backstory/replay/whatif';
import { changeLines } from '../change-text.js';
import { counted } from '../counted.js';
import { UsageError } from '../errors.js';
import { withSource } from '../open.js';
import type { Paper } from '../paper.js';
import type { Verb, VerbCall } from '../verb.js';

interface Options {
  readonly skip?: readonly string[];
  readonly edit?: readonly string[];
  readonly insert?: string;
  readonly reorder?: string;
  readonly code?: string;
}

export const verb: Verb = {
  arguments: [
    { name: '<stream>', description: 'the stream, or the correlation id of a flow', names: 'stream' },
  ],
  options: [
    {
      flags: '--skip <version>',
      description: 'without this event, in a flow its id; may be repeated',
      repeatable: true,
    },
    {
      flags: '--edit <version:path=value>',
      description: 'with another value in the data; may be repeated',
      repeatable: true,
    },
    {
      flags: '--insert <file>',
      description: 'with the events in this file: [{ after, type, data }]',
      names: 'file',
    },
    { flags: '--reorder <versions>', description: 'these events in this order, e.g. 4,3' },
    {
      flags: '--code <build>',
      description: 'folded by another build: its folder or its configuration',
      names: 'folder',
    },
  ],
  notes: `Nothing is written. Events are folded again; the decisions that led to them are
not taken again, so an event that would not have been decided on stays.
Of a flow --skip leaves out an event and all that followed from it, in every
stream and in other flows.`,
  examples: [
    ['backstory whatif account-42 --skip 7', 'without its seventh event'],
    ['backstory whatif account-42 --edit 7:amount=100', 'with another amount'],
    ['backstory whatif account-42 --code ../fixed', 'what corrected code makes of it'],
    ['backstory whatif order-request-77 --skip 019aa2f0-…', 'what would not have followed, in all streams'],
  ],
  paged: true,
  async run(call) {
    const [name] = call.arguments as [string];
    const options = call.options as Options;
    await withSource(call, async (source) => {
      const ids = options.skip?.filter((it) => !/^\d+$/.test(it)) ?? [];
      if (ids.length > 0) return tellFlow(call, source, name, ids);
      const alterations = await alterationsOf(call, options);
      const found = await whatIf(source, name, alterations).catch((error: unknown) =>
        refuseFlow(source, name, error),
      );
      await call.report.answer(found, (paper) => whatIfLines(found, paper));
      for (const note of retyped(found)) await call.report.note(note);
      await call.report.note(NOT_DECIDED);
    });
  },
};

/** A number that becomes text folds to something else than was meant, and nothing fails. */
function retyped({ edited = [] }: WhatIf): readonly string[] {
  return edited
    .filter(({ before, after }) => kindOf(before) !== kindOf(after))
    .map(
      ({ version, path: place, before, after }) =>
        `${place} of version ${version} was ${kindOf(before)} and would be ${kindOf(after)}: ${JSON.stringify(after)}`,
    );
}

function kindOf(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'a list';
  return (
    { string: 'text', number: 'a number', boolean: 'true or false' }[typeof value as string] ?? 'an object'
  );
}

const NOT_DECIDED = 'Folds are run again, decisions are not.';

async function tellFlow(
  call: VerbCall,
  source: ReplaySource,
  id: string,
  skip: readonly string[],
): Promise<void> {
  const { edit, insert, reorder, code } = call.options as Options;
  if (
    [edit, insert, reorder, code].some((it) => it !== undefined) ||
    skip.length < (call.options as Options).skip!.length
  )
    throw new UsageError(
      'conflicting-options',
      'Of a flow only events can be left out, by their ids: give nothing but --skip <id>.',
    );
  const { signal } = call.io;
  const found = await whatIfFlow(source, id, { skip, ...(signal ? { signal } : {}) }).catch(
    (error: unknown) => {
      if (!(error instanceof FlowNotFound)) throw error;
      throw new UsageError(
        'invalid-argument',
        `${error.message} To leave out an event of a stream give its version.`,
      );
    },
  );
  await call.report.answer(found, (paper) => flowLines(found, paper));
  await call.report.note(NOT_DECIDED);
}

/** A flow is no stream, of which other things can be asked. @throws UsageError */
async function refuseFlow({ events }: ReplaySource, name: string, error: unknown): Promise<never> {
  if (!(error instanceof StreamNotFound)) throw error;
  for await (const page of events.readAll({ correlationIds: [name], limit: 1 }))
    if (page.events.length > 0)
      throw new UsageError(
        'conflicting-options',
        `${name} is a flow, not a stream: of a flow only events can be left out, with --skip <id>. backstory trace ${name} --json has the ids.`,
      );
  throw error;
}

async function alterationsOf(
  { io }: VerbCall,
  { skip, edit, insert, reorder, code }: Options,
): Promise<WhatIfOptions> {
  if ([skip, edit, insert, reorder, code].every((it) => it === undefined))
    throw new UsageError(
      'missing-option',
      'Say what would be otherwise: --skip, --edit, --insert, --reorder or --code.',
    );
  return {
    ...(skip ? { skip: skip.map(Number) } : {}),
    ...(edit ? { edit: edit.map(editIn) } : {}),
    ...(insert === undefined ? {} : { insert: insertedIn(path.resolve(io.cwd, insert)) }),
    ...(reorder === undefined ? {} : { reorder: reorder.split(',').map(versionIn) }),
    ...(code === undefined ? {} : { code: await aggregatesOf(path.resolve(io.cwd, code)) }),
    ...(io.signal ? { signal: io.signal } : {}),
  };
}

async function aggregatesOf(build: string): Promise<NonNullable<WhatIfOptions['code']>> {
  const { loadOtherBuild } = await import('../config.js');
  return (await loadOtherBuild(build, '--code')).aggregates;
}

/** @throws UsageError */
function editIn(text: string): NonNullable<WhatIfOptions['edit']>[number] {
  const [, version, place, value] = /^(\d+):(.+?)=(.*)$/s.exec(text) ?? [];
  if (version === undefined || place === undefined || value === undefined)
    throw new UsageError(
      'invalid-argument',
      `--edit ${text} says nothing: give version:path=value, e.g. 7:amount=100.`,
    );
  try {
    return { version: Number(version), path: place, value: JSON.parse(value) as string };
  } catch {
    if (/^["{[]/.test(value))
      throw new UsageError(
        'invalid-argument',
        `--edit ${text}: ${value} is no JSON. Close what it opens, in quotes for the shell, or write text without quotes.`,
      );
    // Text that a person writes without quotes.
    return { version: Number(version), path: place, value };
  }
}

function versionIn(text: string): number {
  if (/^\d+$/.test(text.trim())) return Number(text);
  throw new UsageError(
    'invalid-argument',
    `--reorder takes versions with commas between them, e.g. 4,3, and ${text} is none.`,
  );
}

/** @throws UsageError */
function insertedIn(file: string): readonly InsertedEvent[] {
  let read: unknown;
  try {
    read = JSON.parse(fs.readFileSync(file, 'utf8'));
  } catch (error) {
    throw new UsageError('invalid-argument', `${file} cannot be read as JSON: ${(error as Error).message}`);
  }
  const events = (Array.isArray(read) ? read : [read]) as readonly Partial<InsertedEvent>[];
  const odd = events.find(
    (it) => typeof it?.type !== 'string' || it.data === undefined || !Number.isSafeInteger(it.after),
  );
  if (odd === undefined) return events as readonly InsertedEvent[];
  throw new UsageError(
    'invalid-argument',
    `${file} holds something else than [{ "after": 3, "type": "account.deposited", "data": { … } }]: ${JSON.stringify(odd)}`,
  );
}

function* whatIfLines(
  { stream, version, wouldBeAt, changes }: WhatIf,
  paper: Paper,
): Generator<string, void> {
  const at =
    wouldBeAt === version ? `at version ${version}` : `at version ${wouldBeAt} rather than ${version}`;
  yield `${paper.name(stream)} would be ${at}`;
  yield '';
  if (changes.length > 0) yield* changeLines(changes, paper, '  ');
  else yield paper.dim('  Nothing would be different.');
}

function* flowLines({ correlationId, gone, streams }: FlowWhatIf, paper: Paper): Generator<string, void> {
  yield `flow ${paper.bold(correlationId)} without ${counted(gone.length, 'event')}`;
  for (const { type, stream, version } of gone)
    yield `  ${paper.bad('-')} ${paper.bold(type)}  ${paper.name(`${stream} v${version}`)}`;
  for (const it of streams) {
    yield '';
    yield* whatIfLines(it, paper);
  }
}
