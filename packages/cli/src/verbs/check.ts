import path from 'node:path';
import { PurityWatch } from '@backstory/replay/check';
import { openBuild, type BuildPlace } from '../check/build.js';
import { CHECK_FILE, CheckRun, threadsFor, type CheckValues } from '../check/check-run.js';
import { configFile } from '../config.js';
import { UsageError } from '../errors.js';
import { wholeFrom } from '../numbers.js';
import type { Transpiled } from '../transpile-cache.js';
import type { Verb, VerbCall } from '../verb.js';

export const verb: Verb = {
  arguments: [
    {
      name: '[action]',
      description: 'record: write down what the present code makes of the history',
      choices: ['record'],
    },
  ],
  options: [
    { flags: '--file <file>', description: `the record (default: ${CHECK_FILE})`, names: 'file' },
    {
      flags: '--against <build>',
      description: 'compare with another build instead: its folder or its configuration',
      names: 'folder',
    },
    {
      flags: '--category <name>',
      description: 'only this category; may be repeated',
      repeatable: true,
      names: 'category',
    },
    {
      flags: '--sample <n>',
      description: 'about this many streams instead of all, the same ones every time',
      parse: wholeFrom(1),
    },
    { flags: '--last-only', description: 'only the last state of each stream: quicker, and names no event' },
    { flags: '--twice', description: 'fold each stream twice at different times, rather than one in fifty' },
    {
      flags: '--ignore <property>',
      description: 'do not compare this property, or category:property; may be repeated',
      repeatable: true,
    },
    {
      flags: '--map <old=new>',
      description: 'the property that was called old is called new; may be repeated',
      repeatable: true,
    },
    { flags: '--junit <file>', description: 'write the findings for a build server as well', names: 'file' },
    {
      flags: '--workers <n>',
      description: 'fold in this many threads (default: one a processor, at most 4)',
      parse: wholeFrom(0),
    },
    { flags: '--resume', description: 'go on with what an interrupted run has left' },
  ],
  notes: `check record writes digests of every state of every stream to a file, with the
code that is trusted. check folds the same history with the present code and
says where it makes another state: the first event, and the properties. Streams
that differ only alike are one line. --against compares two builds, with no
record. Handlers that ask for the clock, chance, timers, files or promises are
told as well.
Ends with exit code 1 where there is a finding.`,
  examples: [
    ['backstory check record', 'before a change: write down what the code makes of all history'],
    ['backstory check', 'after it: is anything another state, and since which event?'],
    ['backstory check --against ../main --category account', 'this folder against another checkout'],
    [
      'backstory check --map total=amount --ignore lastSeen --junit check.xml',
      'what was meant to change, and a report',
    ],
  ],
  paged: true,
  async run(call) {
    const [action] = call.arguments as [string | undefined];
    const options = call.options as CheckValues;
    refuseConflicts(action, options);
    const place = placeOf(call);
    // They start while the application is loaded here.
    const threads = call.io.definition ? undefined : threadsFor(place, options);
    // Before the application is there, which may keep functions of the platform.
    const watch = PurityWatch.open();
    try {
      const transpiled: Transpiled = new Map();
      const loaded = call.io.definition;
      const own = await watch.loading(() => openBuild(place, { loaded, transpiled }));
      threads?.begin(transpiled);
      const run = new CheckRun(call, place, own, threads);
      return await (action === 'record' ? run.record() : run.check()).finally(() => run.close());
    } finally {
      await threads?.close();
      watch.close();
    }
  },
};

function refuseConflicts(
  action: string | undefined,
  { against, lastOnly, sample, category, ignore, map, junit: report }: CheckValues,
): void {
  const given = Object.entries({ '--against': against, '--ignore': ignore, '--map': map, '--junit': report });
  const odd = given.find(([, value]) => value !== undefined)?.[0];
  if (action === 'record' && odd !== undefined)
    throw new UsageError('conflicting-options', `${odd} says how to compare: leave it out of check record.`);
  const looked = { '--last-only': lastOnly, '--sample': sample, '--category': category };
  const ofRecord = Object.entries(looked).find(([, value]) => value !== undefined)?.[0];
  if (action === undefined && against === undefined && ofRecord !== undefined)
    throw new UsageError(
      'conflicting-options',
      `The record says what is looked at: give ${ofRecord} to check record.`,
    );
}

/** Threads share the folder of the process, which is that of the configuration before the first of them begins. */
function placeOf({ io, options }: VerbCall): BuildPlace {
  const { store } = options;
  const place = { cwd: io.cwd, ...(store === undefined ? {} : { store }) };
  if (io.definition) return place;
  const config = configFile(io.cwd, options.config);
  io.enterFolder?.(path.dirname(config));
  return { ...place, config };
}
