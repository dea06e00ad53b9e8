import { BackstoryError, type StoredEvent } from '@backstory/core';

/** A class or a decorator that cannot mean what it says. Thrown when it is defined or first used. */
export class InvalidDefinition extends BackstoryError {
  readonly code = 'BACKSTORY_INVALID_DEFINITION';
  constructor(
    /** The class, or its member: `Account.deposited`. */
    readonly subject: string,
    readonly problem: string,
  ) {
    super(`${subject} ${problem}`);
  }
}

/** A class that is used as an event and has no `@DomainEvent` of its own. */
export class NotAnEvent extends BackstoryError {
  readonly code = 'BACKSTORY_NOT_AN_EVENT';
  constructor(readonly className: string) {
    super(`${className} is not an event: give the class its own @DomainEvent('what.happened').`);
  }
}

/** Two event classes of one application claim one name. */
export class DuplicateEventType extends BackstoryError {
  readonly code = 'BACKSTORY_DUPLICATE_EVENT_TYPE';
  constructor(
    readonly type: string,
    readonly first: string,
    readonly second: string,
  ) {
    super(
      `Both ${first} and ${second} are called "${type}" (as name or alias): give one of them another name.`,
    );
  }
}

/** Where a recorded event stands in the log, as far as it is known. */
export type Whereabouts = Partial<Pick<StoredEvent, 'stream' | 'version' | 'position'>>;

/** An event whose name belongs to no class that the reader knows. */
export class UnknownEventType extends BackstoryError {
  readonly code = 'BACKSTORY_UNKNOWN_EVENT_TYPE';
  readonly stream: string | undefined;
  readonly version: number | undefined;
  readonly position: number | undefined;
  constructor(
    readonly type: string,
    where: Whereabouts = {},
    /** Who was reading: `Account`. */
    readonly reader = 'this application',
  ) {
    super(
      `${place(where)}Event type "${type}" is not known to ${reader}: add its class (to the \`events\` of defineBackstory, or to an aggregate ` +
        `by a method with @EventHandler, or @Ignores), or list "${type}" under the aliases of the class that replaced it.`,
    );
    this.stream = where.stream;
    this.version = where.version;
    this.position = where.position;
  }
}

/** An event type at version *n* needs a way up from every earlier version. */
export class MissingUpcaster extends BackstoryError {
  readonly code = 'BACKSTORY_MISSING_UPCASTER';
  constructor(
    readonly type: string,
    readonly version: number,
    readonly missing: readonly number[],
  ) {
    super(
      `${type} is at version ${version} and cannot read version ${missing.join(', ')}: ` +
        `add upcast: { ${missing.map((from) => `${from}: (data) => …`).join(', ')} }, each to the next version.`,
    );
  }
}

/** An upcaster threw, or gave something that is not event data. */
export class UpcastFailed extends BackstoryError {
  readonly code = 'BACKSTORY_UPCAST_FAILED';
  readonly stream: string | undefined;
  readonly version: number | undefined;
  readonly position: number | undefined;
  constructor(
    readonly type: string,
    /** The schema version that the upcaster was given. */
    readonly from: number,
    readonly reason: string,
    where: Whereabouts,
    options?: ErrorOptions,
  ) {
    super(`${place(where)}Upcaster ${from} of ${type} ${reason}.`, options);
    this.stream = where.stream;
    this.version = where.version;
    this.position = where.position;
  }
}

/** Recorded data that its class cannot be read from. */
export class UnreadableEvent extends BackstoryError {
  readonly code = 'BACKSTORY_UNREADABLE_EVENT';
  readonly stream: string | undefined;
  readonly version: number | undefined;
  readonly position: number | undefined;
  constructor(
    readonly type: string,
    readonly problem: string,
    where: Whereabouts,
    options?: ErrorOptions,
  ) {
    super(`${place(where)}${type} cannot be read: ${problem}.`, options);
    this.stream = where.stream;
    this.version = where.version;
    this.position = where.position;
  }
}

/** A value that would not be the same after being stored and read. */
export class UnstorableValue extends BackstoryError {
  readonly code = 'BACKSTORY_UNSTORABLE_VALUE';
  constructor(
    /** `account.deposited.lines[2].at` */
    readonly path: string,
    /** What it is: `a Date`. */
    readonly problem: string,
    readonly advice: string,
    options?: ErrorOptions,
  ) {
    super(`${path} is ${problem}, which would not be read back as it is: ${advice}.`, options);
  }
}

/** Stored text that a declared field type cannot read. */
export class UnreadableValue extends BackstoryError {
  readonly code = 'BACKSTORY_UNREADABLE_VALUE';
  constructor(
    readonly path: string,
    readonly wanted: string,
  ) {
    super(
      `${path} is not ${wanted}: raise the version of its type and upcast what was recorded before the field was declared so.`,
    );
  }
}

/** A rule of class-validator that does not hold. */
export interface Violation {
  /** `lines[0].sku` */
  readonly path: string;
  /** The rule: `isPositive`. */
  readonly constraint: string;
  readonly message: string;
}

/** An event or command breaks the class-validator rules of its class. Nothing was recorded. */
export class InvalidData extends BackstoryError {
  readonly code = 'BACKSTORY_INVALID_DATA';
  constructor(
    /** The event type or the name of the class. */
    readonly subject: string,
    readonly violations: readonly Violation[],
  ) {
    super(
      `${subject} is not valid: ${violations.map((it) => `${it.path} (${it.constraint}): ${it.message}`).join('; ')}.`,
    );
  }
}

/**
 * ECMAScript `#private` fields: nothing outside the class can read them, so they can be neither stored nor compared. Or `#methods` of an
 * event or a value, which what is read back would not have.
 */
export class PrivateState extends BackstoryError {
  readonly code = 'BACKSTORY_PRIVATE_STATE';
  constructor(
    readonly className: string,
    readonly fields: readonly string[],
    kind: 'state' | 'methods' = 'state',
  ) {
    const names = fields.join(', ');
    const problem =
      kind === 'state'
        ? `keeps state in ${names}, which cannot be seen from outside`
        : `has ${names}, which an instance gets from its constructor alone, and that does not run when one is read back`;
    super(`${className} ${problem}: use TypeScript private instead.`);
  }
}

function place({ stream, version, position }: Whereabouts): string {
  if (stream === undefined) return '';
  return `${stream} version ${version ?? '?'}${position === undefined ? '' : ` (position ${position})`}: `;
}
