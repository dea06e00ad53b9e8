import distance from 'leven';
import { compile, type Names } from './expression-compiler.js';
import { parse } from './expression-parser.js';
import { InvalidExpression } from './invalid-expression.js';

/**
 * A question to a state, an event or a stream, with the answer yes or no: `balance < 0 && status == "open"`. It is read as
 * JavaScript reads it, and can do nothing but look: there are values, comparisons, arithmetic and a few functions.
 *
 * Nothing that is looked at is an error: what is not there is `undefined`, and of values that cannot be compared no one is less.
 */
export class Expression {
  private constructor(
    readonly text: string,
    /** The names it asks for, without those that it gives itself. */
    readonly names: ReadonlySet<string>,
    private readonly run: (names: Names) => unknown,
  ) {}

  /**
   * Reads an expression. `known` are all names that there are, where that is known.
   *
   * @throws InvalidExpression
   */
  static of(text: string, known?: readonly string[]): Expression {
    const { run, names } = compile(parse(text), text);
    for (const name of names.keys())
      if (known && !known.includes(name)) throw unknownName(text, { name, index: names.get(name)!, known });
    return new Expression(text, new Set(names.keys()), run);
  }

  /** Whether it holds for what these names stand for. */
  holds(names: Names): boolean {
    return Boolean(this.run(names));
  }
}

interface Unknown {
  readonly name: string;
  readonly index: number;
  readonly known: readonly string[];
}

function unknownName(text: string, { name, index, known }: Unknown): InvalidExpression {
  const near = known.filter((it) => distance(it, name) <= 2);
  const hint = near.length > 0 ? `did you mean ${near.join(' or ')}?` : `there are ${known.join(', ')}.`;
  return new InvalidExpression(text, 'unknown-name', `there is no ${name} here: ${hint}`, index);
}
