import { AsyncLocalStorage } from 'node:async_hooks';
import { CONTEXT_FIELDS, NEVER_OWN, type ContextFields } from './context-fields.js';
import type { RecordedEvent } from './event.js';
import { VersionConflict } from './errors.js';
import { deriveId } from './ids.js';
import { isOutcomeUnknown, someCause } from './some-cause.js';
import { readHeaders, writeHeaders, type HeaderOptions, type Headers } from './context-headers.js';

/** The saves of one run of a handler or command, so that running it again derives the same ids. */
interface SaveScope {
  readonly seed: readonly string[];
  /** By stream and command: whether the first save was made, the second … `false` where one ended in a conflict. */
  saves?: Map<string, boolean[]>;
}

const ambient = new AsyncLocalStorage<Context>();

/**
 * The ambient context: who, why and as part of what the present code runs. It follows `await`, timers and callbacks.
 *
 * ```ts
 * await Context.of({ actor: 'ann', correlationId: request.id }).run(() => accounts.update('42', (a) => a.deposit(5)));
 * ```
 */
export class Context {
  /** Knows nothing; `Context.none.run(…)` leaves every flow. */
  static readonly none = new Context({}, undefined);

  private constructor(
    private known: ContextFields | Reaction,
    private readonly scope: SaveScope | undefined,
  ) {}

  get fields(): ContextFields {
    if (this.known instanceof Reaction) this.known = this.known.fields();
    return this.known;
  }

  static of(fields: ContextFields): Context {
    return new Context(onlyKnown(fields), undefined);
  }

  static current(): Context {
    return ambient.getStore() ?? Context.none;
  }

  /**
   * The context for handling a recorded event: its correlation is carried on and it is the cause of what follows.
   * `by` names the subscription and handler, from which the ids of what they save are derived.
   */
  static handling(
    event: RecordedEvent,
    by: { readonly subscription: string; readonly handler: string },
  ): Context {
    const reaction = new Reaction(event, by);
    return new Context(reaction, reaction);
  }

  /** This context with some fields changed; a field set to `undefined` is removed. */
  with(fields: { readonly [K in keyof ContextFields]?: ContextFields[K] | undefined }): Context {
    return new Context(onlyKnown({ ...this.fields, ...fields } as ContextFields), this.scope);
  }

  /** This context while a command is carried out: what it saves has ids derived from `commandId`. */
  withCommand(commandId: string): Context {
    const { fields } = this.with({ commandId });
    return new Context(fields, { seed: ['command', commandId] });
  }

  run<T>(work: () => T): T {
    return ambient.run(this, work);
  }

  /**
   * Runs one save to a stream with the id for its append, the same in every repetition of this handler or command;
   * `undefined` where nothing will be repeated. The id is taken at once, so parallel saves get theirs in order.
   *
   * In a handler the saves to a stream are told apart by their order and by the name of their `command`. A handler that
   * may leave a save out when it runs again therefore gives each a command name of its own.
   *
   * Each call counts as one save, unless it ends in a conflict or nobody knows how it ended: that differs from run to run,
   * so the next attempt is the same save and gets the same id.
   */
  async saving<T>(stream: string, save: (appendId: string | undefined) => Promise<T>): Promise<T> {
    if (!this.scope) return save(undefined);
    const { seed } = this.scope;
    const saves = (this.scope.saves ??= new Map<string, boolean[]>());
    // A command's id alone says what it is, however it is called.
    const step = seed[0] === 'handler' && this.fields.command !== undefined ? [this.fields.command] : [];
    const place = JSON.stringify([stream, ...step]);
    const taken = saves.get(place) ?? [];
    saves.set(place, taken);
    const free = taken.indexOf(false);
    const nth = free === -1 ? taken.length : free;
    taken[nth] = true;
    try {
      return await save(deriveId(...seed, nth, stream, ...step));
    } catch (error) {
      if (isUndecided(error)) taken[nth] = false;
      throw error;
    }
  }

  /** The fields, for another process. `Context.parse` gives an equal context back. */
  toJSON(): ContextFields {
    return this.fields;
  }

  /** Reads what `JSON.stringify(context)` wrote. @throws TypeError when it is something else */
  static parse(json: string): Context {
    const read: unknown = JSON.parse(json);
    if (typeof read !== 'object' || read === null || Array.isArray(read)) {
      throw new TypeError('A context is a JSON object, as JSON.stringify(context) writes it.');
    }
    return Context.of(read);
  }

  /** HTTP or message headers: W3C trace context, correlation, causation, actor, tenant …; B3 on request. */
  toHeaders(options?: HeaderOptions): Record<string, string> {
    return writeHeaders(this.fields, options);
  }

  /** Reads headers in any letter case. What is malformed is left out: a stranger's header must not break a request. */
  static fromHeaders(headers: Headers): Context {
    return Context.of(readHeaders(headers));
  }
}

/** A save may have ended without having been made, or without anybody knowing. */
function isUndecided(error: unknown): boolean {
  return isOutcomeUnknown(error) || someCause(error, (it) => it instanceof VersionConflict);
}

/** A handler that runs for an event. Most save nothing, so what is known of the flow is worked out where somebody asks. */
class Reaction implements SaveScope {
  saves?: Map<string, boolean[]>;

  constructor(
    private readonly event: RecordedEvent,
    private readonly by: { readonly subscription: string; readonly handler: string },
  ) {}

  get seed(): readonly string[] {
    return ['handler', this.by.subscription, this.by.handler, this.event.id];
  }

  fields(): ContextFields {
    const { correlationId, actor, tenant, priority } = this.event.metadata;
    // Whoever recorded it may have put anything there: what is not text is not carried on.
    const inherited = Object.entries({ actor, tenant, priority }).filter(([, it]) => typeof it === 'string');
    return onlyKnown({ correlationId, causationId: this.event.id, ...Object.fromEntries(inherited) });
  }
}

/** Keeps what is set, in one order, and checks that it is text. */
function onlyKnown(given: ContextFields): ContextFields {
  const kept: Record<string, unknown> = {};
  for (const name of CONTEXT_FIELDS) {
    const value = given[name];
    if (value === undefined) continue;
    if (typeof value !== 'string')
      throw new TypeError(`Context field ${name} must be text, not ${typeof value}.`);
    kept[name] = value;
  }
  if (given.own !== undefined) kept['own'] = ownFields(given.own);
  return Object.freeze(kept);
}

function ownFields(own: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  for (const [name, value] of Object.entries(own)) {
    if (typeof value !== 'string')
      throw new TypeError(`Context field own.${name} must be text, not ${typeof value}.`);
    if (NEVER_OWN.has(name))
      throw new TypeError(`Context field own.${name}: ${name} is no name for an own key.`);
  }
  return Object.freeze({ ...own });
}
