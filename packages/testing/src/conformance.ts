/** One sentence that a store must make true. It uses `node:assert` only, so any runner can run it. */
export interface ConformanceCase<Harness> {
  readonly name: string;
  /** Why this case says nothing about the store at hand, e.g. because the store declares so. Never silent: it is printed. */
  readonly unless?: (harness: Harness) => string | undefined;
  run(harness: Harness): Promise<void>;
}

/** What became of one case. */
export type CaseResult =
  | { readonly name: string; readonly outcome: 'passed' }
  | { readonly name: string; readonly outcome: 'failed'; readonly error: Error }
  | { readonly name: string; readonly outcome: 'not-run'; readonly reason: string };

/** What every harness can do between two cases. */
export interface Cleanable {
  /** Closes and removes whatever was opened; called after every case. */
  cleanup?(): Promise<void>;
}

/** Runs cases one after another without a test runner, e.g. against a store that is broken on purpose. */
export async function runCases<Harness extends Cleanable>(
  cases: readonly ConformanceCase<Harness>[],
  harness: Harness,
): Promise<readonly CaseResult[]> {
  const results: CaseResult[] = [];
  for (const one of cases) results.push(await runCase(one, harness));
  return results;
}

/** The part of a test runner that the suites use. Jest and Mocha have it as globals; Vitest and `node:test` on request. */
interface Runner {
  describe: (name: string, body: () => void) => void;
  it: (name: string, body: () => Promise<void>) => void;
}

/** Registers cases with the test runner whose `describe` and `it` are global, and prints which say nothing here and why. */
export function describeCases<Harness extends Cleanable>(
  title: string,
  groups: ReadonlyMap<string, readonly ConformanceCase<Harness>[]>,
  harness: Harness,
): void {
  const { describe, it } = runner();
  const notRun = grouped([...groups.values()].flat(), (one) => one.unless?.(harness));
  describe(title, () => {
    for (const [heading, cases] of groups) {
      const run = cases.filter((one) => one.unless?.(harness) === undefined);
      // To some runners a group without cases is a failure.
      if (run.length === 0) continue;
      describe(heading, () => {
        for (const one of run) it(one.name, () => runOnce(one, harness));
      });
    }
  });
  for (const [reason, { length }] of notRun) {
    if (reason !== undefined) process.stderr.write(`${title}: ${length} cases not run, because ${reason}\n`);
  }
}

/** Cases by heading, in the order of their first appearance. */
export function grouped<Case, Heading>(
  cases: readonly Case[],
  headingOf: (one: Case) => Heading,
): ReadonlyMap<Heading, readonly Case[]> {
  const groups = new Map<Heading, Case[]>();
  for (const one of cases) {
    const group = groups.get(headingOf(one));
    if (group) group.push(one);
    else groups.set(headingOf(one), [one]);
  }
  return groups;
}

async function runCase<Harness extends Cleanable>(
  one: ConformanceCase<Harness>,
  harness: Harness,
): Promise<CaseResult> {
  const { name } = one;
  const reason = one.unless?.(harness);
  if (reason !== undefined) return { name, outcome: 'not-run', reason };
  try {
    await runOnce(one, harness);
    return { name, outcome: 'passed' };
  } catch (error) {
    return { name, outcome: 'failed', error: error instanceof Error ? error : new Error(String(error)) };
  }
}

async function runOnce<Harness extends Cleanable>(
  one: ConformanceCase<Harness>,
  harness: Harness,
): Promise<void> {
  try {
    await one.run(harness);
  } finally {
    await harness.cleanup?.();
  }
}

function runner(): Runner {
  const { describe, it } = globalThis as Partial<Runner>;
  if (describe && it) return { describe, it };
  throw new Error(
    'There is no global `describe` and `it`: let your test runner provide them, or use runCases(…) instead.',
  );
}
