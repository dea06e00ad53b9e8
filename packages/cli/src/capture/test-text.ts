import path from 'node:path';
import { modelOf } from '@backstory/aggregate';
import { categoryOf, idOf, readRecorded, type StoredEvent } from '@backstory/core';
import type { ReplaySource } from '@backstory/replay';
import { configFile } from '../config.js';
import { UsageError } from '../errors.js';
import { jsonText, printable } from '../printable.js';
import type { VerbCall } from '../verb.js';

/** What a test is made of. */
export interface TestParts {
  readonly call: VerbCall;
  readonly testFile: string;
  /** In the order of the log. */
  readonly captured: readonly StoredEvent[];
  readonly redacted: readonly string[];
}

/** A test for Jest: of each stream what has happened, and the state that it had. @throws UsageError where no aggregate folds any */
export function testText(source: ReplaySource, { call, testFile, captured, redacted }: TestParts): string {
  const streams = new Map<string, StoredEvent[]>();
  for (const event of captured) {
    const before = streams.get(event.stream);
    if (before) before.push(event);
    else streams.set(event.stream, [event]);
  }
  const [folded, others]: [string[], string[]] = [[], []];
  for (const stream of streams.keys()) {
    const isFolded = source.aggregates.some((cls) => modelOf(cls).category === categoryOf(stream));
    (isFolded ? folded : others).push(stream);
  }
  if (folded.length === 0)
    throw new UsageError(
      'no-aggregate',
      `No aggregate of the application folds ${others.join(', ')}, so there is no state to test: leave --test out.`,
    );
  const tests = folded.map((stream) => testOf(source, stream, streams.get(stream)!));
  const notes = [
    ...(redacted.length === 0 ? [] : [`// Redacted: ${printable(redacted.join(', '))}.`]),
    ...(others.length === 0 ? [] : [`// No aggregate folds ${printable(others.join(', '))}.`]),
  ];
  return `${[...HEAD(applicationFrom(call, testFile)), ...notes, '', ...tests].join('\n')}`;
}

const HEAD = (application: string) => [
  `import { captured } from '@backstory/testing';`,
  `import application from ${quoted(application)};`,
  '',
  '// Captured from a log: it is what it was. Put what went wrong into `when`, and what should come of it into `expect`:',
  '// given.when((aggregate) => aggregate.doSomething()).expect([new SomethingHappened()]).',
];

function testOf({ aggregates }: ReplaySource, stream: string, events: readonly StoredEvent[]): string {
  const model = modelOf(aggregates.find((cls) => modelOf(cls).category === categoryOf(stream))!);
  const aggregate = model.create(idOf(stream));
  model.fold(aggregate, events);
  const name = `${stream} is at version ${events.length} what it was`;
  return [
    `test(${quoted(name)}, () => {`,
    '  const { given, state } = captured(application, {',
    `    stream: ${quoted(stream)},`,
    '    events: [',
    ...events.flatMap(eventLines),
    '    ],',
    `    state: ${jsonText(model.state(aggregate), 2).replaceAll('\n', '\n    ')},`,
    '  });',
    '  given.when(() => undefined).expect({ events: [], state });',
    '});',
    '',
  ].join('\n');
}

/** A comment for a person, then what is folded. */
function eventLines(event: StoredEvent): string[] {
  const { version, type, schemaVersion, data } = event;
  const { command, actor, occurredAt } = readRecorded(event).metadata;
  const told = [`v${version}`, occurredAt, command, actor === undefined ? undefined : `by ${actor}`];
  const comment = told.filter((it) => it !== undefined).join(' · ');
  return [
    `      // ${printable(comment)}`,
    `      { type: ${quoted(type)}, schemaVersion: ${schemaVersion}, data: ${jsonText(JSON.parse(data))} },`,
  ];
}

/** Where the application is, from the test: without its extension, as both languages have it. */
function applicationFrom({ io, options }: VerbCall, testFile: string): string {
  const config = io.definition
    ? path.join(io.cwd, 'backstory.config.ts')
    : configFile(io.cwd, options.config);
  const relative = path.relative(path.dirname(testFile), config).replaceAll(path.sep, '/');
  const name = relative.replace(/\.[jt]s$/, '');
  return name.startsWith('.') ? name : `./${name}`;
}

/** A text as a literal of either language. */
function quoted(text: string): string {
  return `'${jsonText(text).slice(1, -1).replaceAll('\\"', '"').replaceAll("'", "\\'")}'`;
}
