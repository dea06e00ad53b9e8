import type { EventHeader, HeadProblem } from '@backstory/proof';

/** The parts of an event that are hashed each by itself. */
export type EventPart = 'header' | 'data' | 'metadata';

/** A field of a header that is not what was sealed. */
export interface FieldChange {
  readonly field: keyof EventHeader;
  readonly sealed: string | number;
  /** `null`: what is no date has no milliseconds. */
  readonly found: string | number | null;
}

/** What is wrong with one event. `event` is as it was sealed, or as it was found where it was never sealed. */
export type EventFinding =
  | {
      readonly kind: 'altered';
      readonly position: number;
      readonly event: EventHeader;
      readonly parts: readonly EventPart[];
      readonly fields: readonly FieldChange[];
    }
  | { readonly kind: 'missing'; readonly position: number; readonly event: EventHeader }
  | { readonly kind: 'inserted'; readonly position: number; readonly event: EventHeader }
  | {
      /** It was sealed at `from` and stands at `position`. */
      readonly kind: 'moved';
      readonly position: number;
      readonly from: number;
      readonly event: EventHeader;
      readonly parts: readonly EventPart[];
      readonly fields: readonly FieldChange[];
    }
  | {
      readonly kind: 'unreadable';
      readonly position: number;
      readonly event: EventHeader | null;
      readonly message: string;
    };

/** What is wrong with a seal, or with the log as a whole. */
export type SealFinding =
  | {
      /** Somewhere among these positions something was altered; the seal's own file would say where. */
      readonly kind: 'segment';
      readonly sequence: number;
      /** Damaged are positions after this one … */
      readonly after: number;
      /** … up to this one. */
      readonly upTo: number;
    }
  | {
      readonly kind: 'seal';
      /** `null`: what stands there does not say which one it is. */
      readonly sequence: number | null;
      readonly problem: HeadProblem | SealProblem;
      /** Where the head stands in the log, or which file is meant. */
      readonly place: string | null;
    }
  | {
      /** The log ends before what this head covers. */
      readonly kind: 'truncated';
      readonly sequence: number;
      readonly position: number;
      readonly head: number;
    }
  | { readonly kind: 'other-log'; readonly sealed: string; readonly found: string }
  | { readonly kind: 'unreadable-log'; readonly message: string }
  | {
      /** What the store says of itself: something could hide events from some reads, or show others. */
      readonly kind: 'store';
      readonly message: string;
    }
  | { readonly kind: 'never-sealed' };

/**
 * | problem | means |
 * |---|---|
 * | `altered` | the seal's file is not what its head says |
 * | `file` | the same, and the log is: only the file was altered |
 * | `damaged` | the file is no seal any more |
 * | `missing` | a seal is lacking in the chain |
 * | `chain` | it does not follow the one before it |
 * | `replaced` | an anchor, a file or the log holds another head under this number |
 * | `unrecorded` | it is not recorded in the log any more |
 * | `no-head` | what is recorded in its place is no head |
 * | `foreign` | an anchor, or a file, is of another log; its place is the id of that log, or the file |
 * | `misnamed` | a file ends as a seal does, and its name is none that a seal has |
 */
export type SealProblem =
  | 'altered'
  | 'file'
  | 'damaged'
  | 'missing'
  | 'chain'
  | 'replaced'
  | 'unrecorded'
  | 'no-head'
  | 'foreign'
  | 'misnamed';

/** Something that is not as it was sealed. */
export type Finding =
  | EventFinding
  | SealFinding
  | {
      /** Beside an event stands, in a column by which it is found or read, what the event does not say. */
      readonly kind: 'column';
      readonly position: number;
      /** Its name in the database: `correlation_id`. */
      readonly column: string;
    };
