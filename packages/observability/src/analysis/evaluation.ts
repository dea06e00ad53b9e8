import { InvalidOption, numberOption } from '@backstory/core/store';
import type { Clock } from '../steady.js';
import { AlertState, type AlertChange } from './alert-state.js';
import { watchOf, type AlertRule, type AnomalyDetector, type Watch, type WatchDefaults } from './rule.js';
import type { Look, Values } from './value.js';

/** How a rule or detector is doing. */
export interface RuleStatus {
  readonly name: string;
  readonly kind: 'alert' | 'anomaly';
  readonly enabled: boolean;
  /** One for each of its values; none before it was looked at. */
  readonly values: readonly {
    readonly labels: Readonly<Record<string, string>>;
    /** `unknown`: there is no value, or too few of them: neither good nor bad. */
    readonly state: 'ok' | 'broken' | 'unknown';
    readonly why?: string;
    /** It is raised. */
    readonly isFiring: boolean;
  }[];
}

/** The rules and detectors there are, and what is known of their values; evaluated when somebody says so. */
export class Evaluation {
  private readonly all = new Map<string, Watched>();

  constructor(
    private readonly defaults: WatchDefaults,
    /** Something could not be evaluated, or there is no room for it. */
    private readonly dropped: (count: number) => void,
    private readonly clock: Clock,
  ) {}

  /** @throws InvalidOption */
  add(rule: AlertRule | AnomalyDetector): void {
    const watch = watchOf(rule, this.defaults);
    if (this.all.has(watch.name))
      throw new InvalidOption(
        'name',
        `${watch.name} is there already: remove it first, or call this one otherwise.`,
      );
    const states = new Map<string | undefined, AlertState>();
    this.all.set(watch.name, { watch, enabled: watch.enabled, states, silentUntil: -Infinity });
  }

  /** @throws InvalidOption */
  remove(name: string, now: number): readonly AlertChange[] {
    const ended = this.enable(name, false, now);
    this.all.delete(name);
    return ended;
  }

  /** @throws InvalidOption */
  enable(name: string, enabled: boolean, now: number): readonly AlertChange[] {
    const found = this.require(name);
    found.enabled = enabled;
    if (enabled) return [];
    const ended = [...found.states.values()].map((state) => state.end('rule', now));
    found.states.clear();
    return ended.filter((it) => it !== undefined);
  }

  /** @throws InvalidOption */
  suppress(name: string, until: number): void {
    this.require(name).silentUntil = until;
  }

  /** Looks at everything that is enabled, and gives what has changed. Whatever a rule does, the others are looked at. */
  step(look: Look, now: number): readonly AlertChange[] {
    return [...this.all.values()]
      .filter(({ enabled }) => enabled)
      .flatMap((it) => this.stepOf(it, look, now));
  }

  /** Nobody looks any more. */
  end(now: number): readonly AlertChange[] {
    const states = [...this.all.values()].flatMap((it) => [...it.states.values()]);
    return states.map((state) => state.end('closed', now)).filter((it) => it !== undefined);
  }

  status(): readonly RuleStatus[] {
    return [...this.all.values()].map(({ watch: { name, kind }, enabled, states }) => {
      const values = [...states.values()].map(({ labels, verdict, isFiring }) => {
        const state = verdict === undefined ? 'unknown' : verdict.isBreach ? 'broken' : 'ok';
        return { labels, state, isFiring, ...(verdict && { why: verdict.why }) } as const;
      });
      return { name, kind, enabled, values };
    });
  }

  private stepOf(it: Watched, look: Look, now: number): readonly AlertChange[] {
    const { watch, states } = it;
    const found = this.valuesOf(watch, look);
    const keys = new Set(found.keys());
    for (const [key, state] of states) {
      if (keys.has(key)) continue;
      // What is raised stays so: that nobody can say any more how it is does not make it good.
      if (state.isFiring) found.set(key, undefined);
      else states.delete(key);
    }
    return [...found].flatMap(([key, value]) => {
      const state = states.get(key) ?? this.made(it, key);
      return this.taken(state, value, now, it.silentUntil) ?? [];
    });
  }

  private valuesOf({ value }: Watch, look: Look): Map<string | undefined, number | undefined> {
    const one = new Map<string | undefined, number | undefined>([[undefined, undefined]]);
    const found = this.attempt(() => {
      const given: Values = value(look);
      return typeof given === 'object'
        ? new Map<string | undefined, number | undefined>(given)
        : one.set(undefined, given);
    });
    // What gives neither a number nor pairs, as a promise does, says nothing.
    return found ?? one;
  }

  private made({ watch, states }: Watched, key: string | undefined): AlertState | undefined {
    if (states.size >= MOST_VALUES) {
      this.dropped(1);
      return undefined;
    }
    const state = new AlertState(
      watch,
      key === undefined ? {} : { [watch.value.label ?? 'of']: key },
      this.clock,
    );
    states.set(key, state);
    return state;
  }

  private taken(
    state: AlertState | undefined,
    value: number | undefined,
    now: number,
    silentUntil: number,
  ): AlertChange | undefined {
    return state && this.attempt(() => state.take(value, now, silentUntil));
  }

  private attempt<T>(work: () => T): T | undefined {
    try {
      return work();
    } catch {
      this.dropped(1);
      return undefined;
    }
  }

  private require(name: string): Watched {
    const found = this.all.get(name);
    if (found) return found;
    throw new InvalidOption('name', `there is no rule or detector called ${name}.`);
  }
}

/** Until when to suppress. @throws InvalidOption */
export function until(forMs: number, now: number): number {
  return now + numberOption('forMs', forMs, 0, 366 * 86_400_000);
}

interface Watched {
  readonly watch: Watch;
  enabled: boolean;
  readonly states: Map<string | undefined, AlertState>;
  silentUntil: number;
}

/** Of one rule. Each takes up to 6 KB. */
const MOST_VALUES = 100;
