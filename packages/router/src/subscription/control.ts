import { isDeepStrictEqual } from 'node:util';
import { InvalidOption, LIMITS, isName, readFormat } from '@backstory/core/store';
import type { StateStore } from '@backstory/core';
import type { Wish } from '@backstory/core/administration';
import { shown, type StateTransaction, type StateView } from '@backstory/core/state';
import { SUBSCRIPTIONS } from './collections.js';

/** What is wanted of a subscription, by whom. Its owners look at it again and again, and comply. */
export interface Control {
  /** Where it began: partitions that nobody has begun start here. */
  readonly start: number;
  readonly createdAt: string;
  /** The names of the events that it handles. */
  readonly types: readonly string[];
  /** It handles events of the framework, too. */
  readonly includeSystem?: boolean;
  /** Whether its keys are streams, or made by a function of its own. */
  readonly keyed: 'stream' | 'own';
  /** Of these every event has an outcome once it is dealt with. Absent where not all outcomes are kept. */
  readonly accounted?: readonly string[] | undefined;
  readonly paused?: Wish;
  /** The last time somebody wanted it to go on, also where it had paused by itself. */
  readonly resumed?: Wish & {
    /** Two may come in one millisecond. Absent where an older release was asked. */
    readonly id?: string;
  };
  /** Every partition goes back, or ahead, to `to`, once. */
  readonly reset?: Wish & { readonly id: string; readonly to: number };
}

const FORMAT = 'backstory.subscription/1';

/** @throws InvalidOption for what no subscription can be called */
export async function readControl(view: StateView, name: string): Promise<Control | undefined> {
  if (!isName(name, LIMITS.type))
    throw new InvalidOption('name', `must be the name of a subscription, not ${shown(name)}.`);
  const text = await view.get(SUBSCRIPTIONS, name);
  return text === undefined ? undefined : readFormat<Control>(text, FORMAT);
}

/** Every subscription that was ever started, by name. */
export async function listControls(view: StateView): Promise<ReadonlyMap<string, Control>> {
  const rows = await view.list(SUBSCRIPTIONS, { limit: 100_000 });
  return new Map(rows.map(({ key, value }) => [key, readFormat<Control>(value, FORMAT)]));
}

/**
 * Makes the control of a subscription that has none, and keeps which events it handles; gives what is there. Where more are handled
 * already that is kept, unless it is to be taken `back`.
 */
export function register(
  state: StateStore,
  name: string,
  { start, ...handled }: Registered,
  back?: 'back',
): Promise<Control> {
  return state.transaction([], async (tx) => {
    const known = await readControl(tx, name);
    if (known && isDeepStrictEqual(handledBy(known), handledBy(handled))) return known;
    if (known && !back && unknownTypes(known, handled).length > 0) return known;
    const {
      accounted: _a,
      includeSystem: _s,
      ...before
    } = known ?? { start, createdAt: new Date().toISOString() };
    const control: Control = { ...before, ...handled };
    await writeControl(tx, name, control);
    return control;
  });
}

/** Events that are handled by other code, and not by this. */
export function unknownTypes({ types }: Handled, own: Handled): readonly string[] {
  return types.filter((it) => !own.types.includes(it));
}

/** What a process says of a subscription that it starts. */
export type Registered = { readonly start: number } & Handled;

type Handled = Pick<Control, 'types' | 'includeSystem' | 'keyed' | 'accounted'>;

function handledBy({ types, includeSystem, keyed, accounted }: Handled) {
  return { types, includeSystem, keyed, accounted };
}

export async function writeControl(tx: StateTransaction, name: string, control: Control): Promise<void> {
  await tx.put(SUBSCRIPTIONS, name, JSON.stringify({ format: FORMAT, ...control }));
}

/** Whether somebody wanted it to go on since. */
export function isResumed({ resumed }: Control, { resumed: before }: Control): boolean {
  return resumed?.id !== before?.id || resumed?.at !== before?.at;
}

/** Whether a partition is to begin anew, which carried out this reset last. */
export function isStale(reset: string | undefined, control: Control): boolean {
  return control.reset !== undefined && control.reset.id !== reset;
}
