import type { Contest, Promised, Row, Setting, Side } from './row.js';

/** What a row gave. Figures are medians, in units a second. */
export interface Result {
  readonly name: string;
  readonly unit: string;
  readonly ours: number;
  readonly bare: number;
  /** `ours / bare` */
  readonly ratio: number;
  readonly target: number | null;
  /** What else there is to tell of our side. */
  readonly also: Readonly<Record<string, number>>;
  /** What was promised of our speed, by the unit, and of what else there is to tell. */
  readonly promised?: Promised;
  readonly rounds: readonly Round[];
}

/** Both sides once, one right after the other. */
export interface Round {
  readonly ours: number;
  readonly bare: number;
}

/** A round, and what else there is to tell of our side in it. */
type Played = Round & { readonly also: Readonly<Record<string, number>> };

export interface Measuring extends Setting {
  readonly rounds: number;
  readonly signal: AbortSignal;
}

/** A side of a row did not do what the row says. */
export class NotDone extends Error {
  override readonly name = 'NotDone';
}

/** Runs a row in alternating rounds: ours, bare, bare, ours, ours … after warming both up. @throws NotDone */
export async function measure(row: Row, measuring: Measuring): Promise<Result & { readonly ddl: string }> {
  const contest = await row.prepare(measuring);
  try {
    const played: Played[] = [];
    for (let i = -WARM_UP; i < measuring.rounds; i++) {
      const round = await play(row, contest, i % 2 === 0, measuring.signal);
      if (i >= 0) played.push(round);
    }
    const rounds = played.map(({ ours, bare }): Round => ({ ours, bare }));
    const ours = median(rounds.map((round) => round.ours));
    const bare = median(rounds.map((round) => round.bare));
    const { name, unit, target, promised } = row;
    const also = medians(played.map((round) => round.also));
    const result = { name, unit, ours, bare, ratio: ours / bare, target, also, rounds };
    return { ...result, ...(promised && { promised }), ddl: contest.ddl ?? '' };
  } finally {
    await contest.close();
  }
}

/** Rounds before the first that counts: code is compiled, caches fill, the write-ahead log reaches its size. */
const WARM_UP = 2;

async function play(row: Row, contest: Contest, oursFirst: boolean, signal: AbortSignal): Promise<Played> {
  const order = oursFirst ? (['ours', 'bare'] as const) : (['bare', 'ours'] as const);
  const speed = { ours: NaN, bare: NaN };
  for (const who of order) {
    // A row may do all its work in one go; Ctrl-C gets its turn here.
    await new Promise((turn) => setImmediate(turn));
    signal.throwIfAborted();
    const seconds = await timed(contest[who]);
    const proof = await contest[who].proof();
    const expected = contest[who].expected ?? contest.expected;
    if (proof !== expected)
      throw new NotDone(`${row.name}: ${who} should have done "${expected}", and did "${proof}".`);
    speed[who] = contest.amount / seconds;
  }
  return { ...speed, also: contest.ours.also?.() ?? {} };
}

async function timed(side: Side): Promise<number> {
  await side.before?.();
  // What one side has left behind, the other should not have to clear away.
  globalThis.gc?.();
  const began = performance.now();
  await side.run();
  const seconds = (performance.now() - began) / 1_000;
  return side.took?.() ?? seconds;
}

function medians(rounds: readonly Readonly<Record<string, number>>[]): Readonly<Record<string, number>> {
  const names = Object.keys(rounds[0] ?? {});
  return Object.fromEntries(names.map((name) => [name, median(rounds.map((round) => round[name]!))]));
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}
