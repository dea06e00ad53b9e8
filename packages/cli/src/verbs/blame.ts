import type { RecordedEvent } from '@backstory/core';
import {
  blame,
  causeChain,
  causesOf,
  valueHistory,
  type Blame,
  type CauseChain,
  type ReplaySource,
  type ValueStep,
} from '@backstory/replay';
import { blameDocument, documentNamed } from '../document-blame.js';
import { UsageError } from '../errors.js';
import { MOMENT, momentOf, type MomentValues } from '../moment.js';
import { withSource } from '../open.js';
import type { Paper } from '../paper.js';
import { cut } from '../printable.js';
import { progressOn } from '../progress.js';
import type { Verb, VerbCall } from '../verb.js';
import { eventLines, valueLines } from '../value-text.js';
import { traceTexts, whyTexts } from '../why-text.js';
import { withCauses, type Cause } from '../with-causes.js';

interface Options extends MomentValues {
  readonly history?: boolean;
  readonly why?: boolean;
}

export const verb: Verb = {
  arguments: [
    {
      name: '<stream>',
      description: 'the stream, e.g. account-42; or a document, e.g. projection:balances/account-42',
      names: 'stream',
    },
    {
      name: '[path]',
      description: 'one value, e.g. balance or lines[sku=pen].quantity; default: all of them',
    },
  ],
  options: [
    ...MOMENT,
    { flags: '--history', description: 'every value that it ever had, oldest first' },
    { flags: '--why', description: 'and what led to the event, from cause to cause, across streams' },
  ],
  notes:
    'Elements of a list are told apart by the key it is declared to have,\n' +
    'lines[sku="pen"], else by their place, lines[2]: the path in the answer says\n' +
    'which. It folds events with the handlers of the application, so it needs\n' +
    'backstory.config.ts.',
  examples: [
    ['backstory blame account-42', 'each value, with the event that made it so'],
    ['backstory blame account-42 balance', 'who last changed the balance, when, and with which request'],
    ['backstory blame account-42 balance --history', 'every balance there ever was'],
    ['backstory blame account-42 balance --why', 'what led to it, back to where it began'],
    ['backstory blame projection:balances/account-42 balance', 'the same of a document of a projection'],
  ],
  paged: true,
  async run(call) {
    const [stream, path] = call.arguments as [string, string | undefined];
    const { history, why } = call.options as Options;
    if (history && path === undefined)
      throw new UsageError('missing-argument', 'Give the path of one value with --history, e.g. balance.');
    if (history && why)
      throw new UsageError('conflicting-options', 'Give either --history or --why, not both.');
    const document = documentNamed(stream);
    if (document) return blameDocument(call, { ...document, path: path ?? '' });
    await withSource(call, (source) =>
      history ? tellHistory(call, source, stream, path!) : tellBlame(call, source, stream, path),
    );
  },
};

/** What led to the event, where it is asked for. */
interface Answer extends Blame, Partial<CauseChain> {}

async function tellBlame(call: VerbCall, source: ReplaySource, stream: string, path?: string): Promise<void> {
  const { io, report } = call;
  const options = call.options as Options;
  const progress = await progressOn(io, 'Replaying');
  const found = await blame(source, stream, {
    ...momentOf(options),
    ...(path === undefined ? {} : { path }),
    ...(io.signal ? { signal: io.signal } : {}),
    onProgress: progress.update,
  }).finally(progress.stop);
  const wanted = options.why && found.last ? { signal: io.signal } : undefined;
  const chain =
    wanted && (await causeChain(source.events, found.last!, wanted.signal ? { signal: wanted.signal } : {}));
  const cause =
    found.last &&
    ((await causesOf(source.events, [found.last])).get(found.last.metadata.causationId ?? '') ?? null);
  const answer: Answer = { ...found, ...chain };
  await report.answer(answer, (paper) => blameLines(answer, cause, paper));
}

function* blameLines(found: Answer, cause: RecordedEvent | null, paper: Paper): Generator<string, void> {
  const { stream, version, path, last, lines } = found;
  const isOne = lines.length === 1 && lines[0]!.path === path && !lines[0]!.isContainer;
  yield heading(found, isOne, paper);
  yield '';
  if (lines.length > 0 && !isOne) {
    yield* annotated(found, paper);
    if (path === '' && !found.causes) return;
    yield '';
  }
  if (last === null) {
    yield paper.dim(
      version === 0 ? 'Nothing has happened yet.' : `${stream} began with it: no event changed it.`,
    );
    return;
  }
  yield* eventLines(last, { cause, handler: found.handler }, paper);
  if (found.causes) yield* causeLines(found, paper);
}

function heading({ stream, version, path, value }: Blame, isOne: boolean, paper: Paper): string {
  const at = paper.dim(` at version ${version}`);
  const name = path === '' ? paper.name(stream) : `${paper.name(stream)} ${paper.bold(path)}`;
  if (value === undefined) return `${name} is gone${at}`;
  if (!isOne) return `${name}${at}`;
  const room = paper.width - stream.length - path.length - ` is  at version ${version}`.length - 1;
  return `${name} is ${cut(paper.plain(JSON.stringify(value)), Math.max(16, room))}${at}`;
}

/** As an annotated file: the event at the left of the value that it made. */
function* annotated({ lines }: Blame, paper: Paper): Generator<string, void> {
  const rows = lines.map(({ path, value, event, isContainer }) => ({
    version: event ? `v${event.version}` : '–',
    when: event ? event.recordedAt.toISOString().slice(0, 16).replace('T', ' ') : '',
    type: event?.type ?? 'from the beginning',
    actor: event?.metadata.actor ?? '',
    path: path === '' ? '(all of it)' : path,
    value: isContainer ? 'taken out, reordered' : JSON.stringify(value),
  }));
  const widest = (name: keyof (typeof rows)[0], most: number) =>
    Math.min(most, Math.max(...rows.map((it) => paper.plain(it[name]).length)));
  const [version, when, type] = [widest('version', 9), widest('when', 16), widest('type', 28)];
  const [actor, path] = [widest('actor', 16), widest('path', 32)];
  const fit = (text: string, width: number) => cut(paper.plain(text), width).padEnd(width);
  for (const row of rows) {
    const left = [fit(row.version, version), fit(row.when, when), fit(row.type, type)];
    if (actor > 0) left.push(fit(row.actor, actor));
    const width = left.join('  ').length + path + 4;
    const value = cut(paper.plain(row.value), Math.max(12, paper.width - width));
    yield `${paper.dim(left.join('  '))}  ${fit(row.path, path)}  ${value}`;
  }
}

function* causeLines({ causes, missing, isCut }: Answer, paper: Paper): Generator<string, void> {
  yield '';
  if (causes!.length === 0 && missing === undefined) {
    yield paper.dim('No event led to it: it is where its flow began.');
    return;
  }
  for (const event of causes!) {
    yield `${paper.dim('because of')} ${paper.bold(event.type)}  ${paper.name(`${event.stream} v${event.version}`)}  ${paper.dim(event.recordedAt.toISOString())}`;
    for (const line of [...whyTexts(event, null, { cause: false }), ...traceTexts(event)])
      yield `    ${paper.plain(line)}`;
  }
  if (missing !== undefined) yield paper.dim(`because of event ${missing}, which is not in this log`);
  else if (isCut) yield paper.dim('and so on: the chain is longer.');
  else yield paper.dim('where the flow began');
}

async function tellHistory(
  call: VerbCall,
  source: ReplaySource,
  stream: string,
  path: string,
): Promise<void> {
  const { io, report } = call;
  const steps = valueHistory(source, stream, {
    ...momentOf(call.options as Options),
    path,
    ...(io.signal ? { signal: io.signal } : {}),
  });
  await report.list<ValueStep & { readonly cause: Cause | null }>({
    key: 'values',
    head: { stream, path },
    items: withCauses(source.events, steps),
    text: (some, paper) => some.flatMap((step) => [...valueLines(step, path, paper), '']),
    empty: 'It never had a value.',
  });
}
