import type { RecordedEvent } from '@backstory/core';
import { answered } from './answer.js';
import type { Condition, KnownNames } from './condition.js';
import { FilterNotSerialisable } from './errors.js';
import { ExpressionCondition } from './expression-condition.js';
import { around, everything, within, type Narrowing } from './narrowing.js';

/** All of several conditions. Of none it is everything. */
export class AllOf implements Condition {
  readonly text: string;
  constructor(private readonly parts: readonly Condition[]) {
    this.text = joined(parts, 'and', 'everything');
  }

  holds(event: RecordedEvent): boolean {
    return this.parts.every((part) => part.holds(event));
  }

  why(event: RecordedEvent): string {
    if (this.parts.length === 0) return 'everything is wanted';
    const failing = this.parts.filter((part) => !part.holds(event));
    return whys(failing.length > 0 ? failing : this.parts, event);
  }

  narrowing(known: KnownNames): Narrowing {
    return within([everything, ...this.parts.map((part) => part.narrowing(known))]);
  }

  toJSON(): object {
    return { all: this.parts };
  }
}

/** At least one of several conditions. Of none it is nothing. */
export class AnyOf implements Condition {
  readonly text: string;
  constructor(private readonly parts: readonly Condition[]) {
    this.text = joined(parts, 'or', 'nothing');
  }

  holds(event: RecordedEvent): boolean {
    return this.parts.some((part) => part.holds(event));
  }

  why(event: RecordedEvent): string {
    if (this.parts.length === 0) return 'nothing is wanted';
    const holding = this.parts.find((part) => part.holds(event));
    return whys(holding ? [holding] : this.parts, event);
  }

  narrowing(known: KnownNames): Narrowing {
    return around(this.parts.map((part) => part.narrowing(known)));
  }

  toJSON(): object {
    return { any: this.parts };
  }
}

/** What a condition does not hold for. */
export class Not implements Condition {
  readonly text: string;
  constructor(private readonly part: Condition) {
    this.text = `not ${inner(part)}`;
  }

  holds(event: RecordedEvent): boolean {
    return !this.part.holds(event);
  }

  why(event: RecordedEvent): string {
    const because = this.part.why(event);
    return this.holds(event) ? because : `${because}, which is not wanted`;
  }

  /** An index is not asked for what is not in it. */
  narrowing(): Narrowing {
    return everything;
  }

  toJSON(): object {
    return { not: this.part };
  }
}

/** What a function says. */
export class Asked implements Condition {
  constructor(
    readonly text: string,
    private readonly predicate: (event: RecordedEvent) => boolean,
  ) {}

  holds(event: RecordedEvent): boolean {
    return answered(this.predicate(event), this.text);
  }

  why(event: RecordedEvent): string {
    return `${this.text}: ${this.holds(event) ? 'yes' : 'no'}`;
  }

  narrowing(): Narrowing {
    return everything;
  }

  toJSON(): never {
    throw new FilterNotSerialisable(this.text);
  }
}

function joined(parts: readonly Condition[], word: 'and' | 'or', ofNone: string): string {
  return parts.length === 0
    ? ofNone
    : parts.map((it) => (parts.length === 1 ? it.text : inner(it))).join(` ${word} `);
}

/** In brackets where its words could be read with those around it. */
function inner(part: Condition): string {
  const isSeveral = [AllOf, AnyOf, ExpressionCondition].some((kind) => part instanceof kind);
  return isSeveral || / or /.test(part.text) ? `(${part.text})` : part.text;
}

function whys(parts: readonly Condition[], event: RecordedEvent): string {
  return parts.map((part) => part.why(event)).join('; ');
}
