import { inTime } from './in-time.js';
import { knownOptions, type OptionNames } from './known-options.js';
import { LONGEST_TIMER, numberOption } from './number-option.js';
import type { Watched, WatchedConsumer } from './observed-app.js';

/**
 * How an application is doing, the worst of its parts.
 *
 * | status | |
 * |---|---|
 * | `ok` | everything is as it should be |
 * | `degraded` | it works, and somebody should look: a consumer is behind and moves, is paused, or has set something aside |
 * | `unknown` | it could not be found out: that is neither good nor bad |
 * | `failed` | something does not work: the store does not answer, a consumer is faulted, or stands still with events to handle |
 */
export type HealthStatus = 'ok' | 'degraded' | 'unknown' | 'failed';

/** How one part of an application is doing. */
export interface HealthCheck {
  /** `store`, `subscription fraud`, `projection orders` … */
  readonly name: string;
  readonly status: HealthStatus;
  /** Why it is not `ok`. */
  readonly why?: string;
}

/** How an application is doing, and each part of it. */
export interface Health {
  readonly status: HealthStatus;
  /** When it was found out, as ISO 8601. */
  readonly collectedAt: string;
  readonly checks: readonly HealthCheck[];
}

/** From when on a consumer is not well. */
export interface HealthOptions {
  /** Behind by more than that is `degraded`, in seconds. Default 60. */
  readonly lagSeconds?: number;
  /** Behind, and without a checkpoint for longer than that, is `failed`, in seconds. Default 60. */
  readonly stalledSeconds?: number;
  /** How long to wait for the stores, in milliseconds. Default 5,000. */
  readonly timeoutMs?: number;
}

/**
 * How an application is doing, by what is stored and not by what its processes say: one that hangs or died cannot hide it. Never rejects
 * because of a store.
 *
 * @throws InvalidOption
 */
export async function healthOf(
  app: Pick<Watched, 'events' | 'subscriptions' | 'projections'>,
  options: HealthOptions = {},
): Promise<Health> {
  const { timeoutMs, ...limits } = checkedHealthOptions(options);
  const ask = <T>(work: () => Promise<T>) => asked(timeoutMs, work);
  const [store, subscriptions, projections] = await Promise.all([
    ask(() => app.events.identity()),
    ask(() => app.subscriptions.list()),
    ask(() => app.projections.list()),
  ]);
  return healthFrom([
    store.answer ? { name: 'store', status: 'ok' } : { name: 'store', status: 'failed', why: store.problem },
    ...consumerChecks('subscription', subscriptions, limits),
    ...consumerChecks('projection', projections, limits),
  ]);
}

/** The worst of some checks, and when that was found out. */
export function healthFrom(checks: readonly HealthCheck[]): Health {
  const status = WORST_FIRST.find((it) => checks.some((check) => check.status === it)) ?? 'ok';
  return { status, collectedAt: new Date().toISOString(), checks };
}

/** What was given, or else what is usual. @throws InvalidOption */
export function checkedHealthOptions(options: HealthOptions): Required<HealthOptions> {
  const { lagSeconds = 60, stalledSeconds = 60, timeoutMs = 5_000 } = knownOptions(options, OPTIONS);
  return {
    lagSeconds: numberOption('lagSeconds', lagSeconds, 0, 1e9),
    stalledSeconds: numberOption('stalledSeconds', stalledSeconds, 0, 1e9),
    timeoutMs: numberOption('timeoutMs', timeoutMs, 1, LONGEST_TIMER),
  };
}

const OPTIONS: OptionNames<HealthOptions> = { lagSeconds: true, stalledSeconds: true, timeoutMs: true };
const WORST_FIRST: readonly HealthStatus[] = ['failed', 'unknown', 'degraded'];

type Asked<T> = { readonly answer: T } | { readonly answer?: undefined; readonly problem: string };

async function asked<T>(timeoutMs: number, work: () => Promise<T>): Promise<Asked<T>> {
  const problem = `it did not answer within ${timeoutMs / 1_000} s`;
  const answer = Promise.resolve()
    .then(work)
    .then(
      (given) => ({ answer: given }),
      (error: unknown) => ({ problem: error instanceof Error ? error.message : String(error) }),
    );
  return inTime<Asked<T>>(timeoutMs, answer, { instead: { problem } });
}

type Limits = Required<Omit<HealthOptions, 'timeoutMs'>>;

function consumerChecks(
  kind: string,
  found: Asked<readonly HealthyConsumer[]>,
  limits: Limits,
): readonly HealthCheck[] {
  if (!found.answer) return [{ name: `${kind}s`, status: 'unknown', why: found.problem }];
  return found.answer.map((it) => consumerCheck(`${kind} ${it.name}`, it, limits));
}

function consumerCheck(name: string, consumer: HealthyConsumer, limits: Limits): HealthCheck {
  const { state, lag, reason } = consumer;
  const because = reason ? `: ${reason}` : '';
  if (state === 'faulted') return { name, status: 'failed', why: `faulted${because}` };
  if (state === 'stopped' && lag.seconds > 0)
    return { name, status: 'failed', why: `no process runs it, and ${behind(consumer)}` };
  // Nothing waits; that nobody is there may be meant.
  if (state === 'stopped') return { name, status: 'degraded', why: 'no process runs it' };
  if (state !== 'live' && state !== 'catching-up')
    return { name, status: 'degraded', why: `${state}${because}` };
  if (lag.seconds > limits.lagSeconds) return { name, ...lagging(consumer, limits) };
  const dead = consumer.parked?.dead ?? 0;
  if (dead > 0)
    return { name, status: 'degraded', why: `${dead} ${dead === 1 ? 'key is' : 'keys are'} dead` };
  return { name, status: 'ok' };
}

/** Behind is not dead: what keeps checkpoints moves. */
function lagging(consumer: HealthyConsumer, { stalledSeconds }: Limits): Omit<HealthCheck, 'name'> {
  const savedAt = savedAtOf(consumer);
  if (savedAt === undefined)
    return { status: 'unknown', why: `${behind(consumer)}; it has kept no checkpoint` };
  const since = Math.max(0, (Date.now() - Date.parse(savedAt)) / 1_000);
  if (since <= stalledSeconds) return { status: 'degraded', why: `${behind(consumer)}, and moving` };
  return { status: 'failed', why: `${behind(consumer)}, and has not moved for ${Math.round(since)} s` };
}

/** A subscription, or a projection with its generations. */
interface HealthyConsumer extends WatchedConsumer {
  readonly reason?: string;
  readonly savedAt?: string;
  readonly parked?: { readonly dead: number };
  readonly generation?: number;
  readonly generations?: readonly { readonly generation: number; readonly savedAt?: string }[];
}

function savedAtOf({ savedAt, generation, generations = [] }: HealthyConsumer): string | undefined {
  return savedAt ?? generations.find((it) => it.generation === generation)?.savedAt;
}

function behind({ lag: { events, seconds } }: HealthyConsumer): string {
  return `it is behind by ${events} positions, ${Math.round(seconds)} s`;
}
