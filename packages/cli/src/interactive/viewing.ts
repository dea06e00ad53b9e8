import type { RecordedEvent } from '@backstory/core';
import type { CursorStep, ReplayCursor } from '@backstory/replay';
import type { StatePart } from '@backstory/replay/paths';

/** A step of the history with the event that caused its event, where it is in the log. */
export interface Shown extends CursorStep {
  readonly cause: Pick<RecordedEvent, 'type' | 'stream' | 'version'> | null;
}

/** Of the screen. */
export interface Size {
  readonly rows: number;
  readonly columns: number;
}

/** The parts of the screen, one of which scrolls and has the most room. */
export const PARTS = ['event', 'changes', 'state'] as const;
export type Part = (typeof PARTS)[number];

/** What is asked for on the last line of the screen. */
export type Question = 'go' | 'find' | 'text' | 'watch' | 'until';

/** What is looked for in the history: a change of one of some values, or a text in an event. */
export type Sought = { readonly paths: readonly string[] } | { readonly text: string };

/** All that the screen shows follows from this and from its size. */
export interface Viewing {
  readonly stream: string;
  /** What its states are declared to be, by which paths are understood. */
  readonly type: ReplayCursor['type'];
  /** The last version. */
  readonly head: number;
  readonly shown: Shown;
  readonly part: Part;
  /** How many lines of each part have scrolled out above. */
  readonly scrolled: Readonly<Record<Part, number>>;
  /** Long lines are wrapped rather than cut. */
  readonly isWrapped: boolean;
  /** Paths whose values are always shown. */
  readonly watched: readonly string[];
  /** What was looked for last; changes of what is watched where there is nothing. */
  readonly sought: Sought | undefined;
  /** The expression up to which was replayed, for the next time. */
  readonly until: string | undefined;
  /** The screen goes on to the last event whenever there is a new one. */
  readonly isFollowing: boolean;
  /** How far the help is scrolled, while it is there. */
  readonly help: number | undefined;
  readonly prompt: { readonly question: Question; readonly text: string } | undefined;
  /** Digits typed before a key. */
  readonly count: string;
  readonly notice: { readonly text: string; readonly isBad: boolean } | undefined;
  /** Work that takes so long that it is shown. */
  readonly busy: { readonly text: string; readonly done: number; readonly of: number } | undefined;
}

export function viewingOf(
  { stream, type, head }: Pick<Viewing, 'stream' | 'type' | 'head'>,
  shown: Shown,
): Viewing {
  return {
    stream,
    type,
    head,
    shown,
    part: 'state',
    scrolled: { event: 0, changes: 0, state: 0 },
    isWrapped: false,
    watched: [],
    sought: undefined,
    until: undefined,
    isFollowing: false,
    help: undefined,
    prompt: undefined,
    count: '',
    notice: undefined,
    busy: undefined,
  };
}

/** The state that is shown, where it is known. */
export function stateOf({ shown: { state }, type }: Viewing): StatePart | undefined {
  return state === undefined ? undefined : { value: state, type };
}

/** The same screen at another step: the state stays scrolled to where it was, so that one sees it change. */
export function withStep(viewing: Viewing, shown: Shown): Viewing {
  const { state } = viewing.scrolled;
  return { ...viewing, shown, scrolled: { event: 0, changes: 0, state } };
}
