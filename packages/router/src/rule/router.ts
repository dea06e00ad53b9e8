import type { RecordedEvent } from '@backstory/core';
import { guarded, type Observer } from '@backstory/core/observe';
import { messageOf, shown } from '@backstory/core/state';
import { InvalidOption, knownOptions, type Unsubscribe } from '@backstory/core/store';
import type { Class } from '@backstory/events';
import { eventTypeOf } from '@backstory/events/codec';
import type { Filter } from '../filter/filter.js';
import { where } from '../filter/where.js';
import { InvalidRule } from './errors.js';
import { activeRule, type ActiveRule, type Rule } from './rule.js';
import { topic } from './topic.js';

/**
 * Decides which topics an event goes to, by rules that may be added and removed at any time. It only decides: who listens to
 * a topic is handed the event by the bus, or follows the log.
 */
export class Router {
  /** By priority, the highest first; among equals the one that was added first. */
  private active: readonly ActiveRule[] = [];
  private readonly observer: Observer;

  /** @throws InvalidRule, InvalidOption */
  constructor(rules: readonly Rule[] = [], options: { readonly observer?: Observer } = {}) {
    const given: unknown = rules;
    if (!Array.isArray(given))
      throw new InvalidOption('rules', `must be a list of rules, not ${shown(rules)}.`);
    const { observer } = knownOptions(options, { observer: true });
    this.observer = guarded(observer);
    for (const rule of rules) this.add(rule);
  }

  /** In the order in which they decide. */
  get rules(): readonly ActiveRule[] {
    return this.active;
  }

  /** Gives a function that removes it again. @throws InvalidRule, also when there is one of this name; InvalidOption */
  add(rule: Rule): Unsubscribe {
    const added = activeRule(rule);
    if (this.active.some(({ name }) => name === added.name))
      throw new InvalidRule(added.name, 'is there already: remove it first, or give this one another name.');
    this.active = [...this.active, added].sort((a, b) => b.priority - a.priority);
    return () => {
      this.active = this.active.filter((it) => it !== added);
    };
  }

  /** `false`: there is no rule of this name. */
  remove(name: string): boolean {
    const left = this.active.filter((it) => it.name !== name);
    const isFound = left.length < this.active.length;
    this.active = left;
    return isFound;
  }

  /** The rules that an event of this type may go through, also by way of a topic. What it holds decides. @throws NotAnEvent, InvalidOption */
  routesFor(type: string | Class): readonly ActiveRule[] {
    const names = typeof type === 'string' ? [type] : namesOf(type);
    const reached = new Set<string>();
    const taken = new Set<ActiveRule>();
    for (let before = -1; before !== taken.size;) {
      before = taken.size;
      for (const rule of this.active) {
        if (!isTaken(rule, names, (it) => reached.has(it))) continue;
        taken.add(rule);
        reached.add(rule.target);
      }
    }
    return this.active.filter((rule) => taken.has(rule));
  }

  /** Where an event goes. A rule whose condition throws does not route, and says so to the observer. */
  route(event: RecordedEvent): readonly Route[] {
    // Those of this moment: a condition may add and remove rules.
    const { active } = this;
    const { decided, routes } = decide(active, event);
    const { type: eventType } = event;
    for (const rule of active) {
      const { result } = decided.get(rule) ?? NO_MATCH;
      this.observer.route(() => ({ rule: rule.name, target: rule.target, eventType, result }));
    }
    return routes;
  }

  /** What each rule decides about an event, and why. Nobody is told. */
  explain(event: RecordedEvent): RoutingExplanation {
    const { active } = this;
    const { decided, routes } = decide(active, event);
    const decisions = active.map((rule) => explained(rule, decided.get(rule) ?? NO_MATCH, event));
    return { decisions, routes };
  }

  /**
   * Events that go to a topic, by the rules as they are when it is asked: for `when:` of a handler of a subscription. Where a rule on the
   * way there has a condition that throws, it cannot be told, and this throws the same. Nobody is told what it answers: it may be asked for
   * each handler, each attempt, and for reading.
   */
  into(name: string): Filter {
    const { name: wanted } = topic(name);
    return where.that(`goes to ${wanted}`, (event) => {
      const { active } = this;
      const { decided, routes } = decide(active, event);
      if (routes.some((route) => route.topic === wanted)) return true;
      for (const [rule, { result, error }] of decided)
        if (result === 'failed' && leadsTo(active, rule, wanted)) throw error;
      return false;
    });
  }
}

/** A topic that an event goes to. */
export interface Route {
  readonly topic: string;
  /** The rule that led there; the first, where several did. */
  readonly rule: string;
  readonly timeoutMs: number;
}

/** What a rule decided about an event. */
export interface RuleDecision {
  readonly rule: string;
  readonly target: string;
  /** `no-match`: its source is another one. `filtered`: its condition does not hold. `failed`: its condition threw. */
  readonly result: 'matched' | 'filtered' | 'no-match' | 'failed';
  /** `data.amount is 50, not > 100` */
  readonly because: string;
  readonly error?: unknown;
}

/** What all rules decided about an event, in their order, and where it goes. */
export interface RoutingExplanation {
  readonly decisions: readonly RuleDecision[];
  readonly routes: readonly Route[];
}

function namesOf(cls: Class): readonly string[] {
  if (typeof (cls as unknown) !== 'function')
    throw new InvalidOption('type', `must be an event class or the name of a type, not ${shown(cls)}.`);
  const { name, aliases } = eventTypeOf(cls);
  return [name, ...aliases];
}

function isTaken({ from, takes }: ActiveRule, types: readonly string[], isReached: Reached): boolean {
  return from === undefined ? types.some(takes) : isReached(from);
}

type Reached = (topic: string) => boolean;
type Decision = Pick<RuleDecision, 'result' | 'error'>;
const NO_MATCH: Decision = { result: 'no-match' };

/** Each rule decides once, however topics lead to topics. */
function decide(rules: readonly ActiveRule[], event: RecordedEvent) {
  const decided = new Map<ActiveRule, Decision>();
  const routes = new Map<string, Route>();
  const isReached: Reached = (name) => routes.has(name);
  for (let before = -1; before !== routes.size;) {
    before = routes.size;
    for (const rule of rules) {
      if (decided.has(rule) || !isTaken(rule, [event.type], isReached)) continue;
      const decision = decisionOf(rule, event);
      decided.set(rule, decision);
      const { name, target, timeoutMs } = rule;
      if (decision.result === 'matched' && !isReached(target))
        routes.set(target, { topic: target, rule: name, timeoutMs });
    }
  }
  return { decided, routes: [...routes.values()] };
}

/** Also by way of other rules. */
function leadsTo(rules: readonly ActiveRule[], { target }: ActiveRule, wanted: string): boolean {
  const reached = new Set([target]);
  for (const it of reached) for (const { from, target: next } of rules) if (from === it) reached.add(next);
  return reached.has(wanted);
}

function decisionOf({ condition }: ActiveRule, event: RecordedEvent): Decision {
  try {
    return { result: condition.matches(event) ? 'matched' : 'filtered' };
  } catch (error) {
    return { result: 'failed', error };
  }
}

function explained(rule: ActiveRule, decision: Decision, event: RecordedEvent): RuleDecision {
  const { name, target } = rule;
  return { rule: name, target, ...decision, because: reasonOf(rule, decision, event) };
}

function reasonOf(
  { condition, from, source }: ActiveRule,
  { result, error }: Decision,
  event: RecordedEvent,
): string {
  if (result === 'failed') return `its condition threw: ${messageOf(error)}`;
  if (result !== 'no-match') return condition.explain(event).because;
  return from === undefined ? `type is ${event.type}, not ${source}` : `it does not go to topic ${from}`;
}
