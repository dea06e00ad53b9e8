import type jsep from 'jsep';
import { InvalidExpression } from './invalid-expression.js';
import { FUNCTIONS, METHODS, type Method } from './expression-functions.js';
import { isEqual, isLess, isNumber, numberOf, ownValue } from './expression-values.js';

/** What a name stands for; `undefined` where there is nothing of the name. */
export type Names = (name: string) => unknown;

/** A part of an expression, ready to run. */
type Run = (names: Names) => unknown;

/**
 * Makes functions of the tree of an expression. Each kind of node that is part of the language is named here; anything else,
 * and every name of a function that is not listed, is refused. No text is ever run.
 *
 * @throws InvalidExpression
 */
export function compile(
  tree: jsep.Expression,
  text: string,
): { run: Run; names: ReadonlyMap<string, number> } {
  const compiler = new Compiler(text);
  return { run: compiler.node(tree), names: compiler.names };
}

class Compiler {
  /** Each name that is asked for, and where it stands. */
  readonly names = new Map<string, number>();
  /** Those that the functions around give. */
  private given: readonly string[] = [];

  constructor(private readonly text: string) {}

  node(node: jsep.Expression | null | undefined): Run {
    if (!node) return this.refuse('an empty place between commas');
    const it = node as jsep.CoreExpression;
    switch (it.type) {
      case 'Literal':
        return () => it.value;
      case 'Identifier':
        return this.name(it.name);
      case 'ArrayExpression': {
        const items = it.elements.map((item) => this.node(item));
        return (names) => items.map((item) => item(names));
      }
      case 'ConditionalExpression': {
        const [test, then, otherwise] = [it.test, it.consequent, it.alternate].map((part) => this.node(part));
        return (names) => (test!(names) ? then!(names) : otherwise!(names));
      }
      case 'MemberExpression':
        return this.member(it);
      case 'UnaryExpression':
        return this.unary(it.operator, this.node(it.argument));
      case 'BinaryExpression':
        return this.binary(it.operator, this.node(it.left), this.node(it.right));
      case 'CallExpression':
        return this.call(it);
      default:
        return this.refuse(UNSUPPORTED[it.type] ?? `a ${String(node.type)}`);
    }
  }

  private name(name: string): Run {
    if (name === 'undefined') return () => undefined;
    if (!this.given.includes(name) && !this.names.has(name)) this.names.set(name, this.placeOf(name));
    return (names) => names(name);
  }

  private member({ object, property, computed }: jsep.MemberExpression): Run {
    const of = this.node(object);
    if (!computed) {
      const { name } = property as jsep.Identifier;
      return (names) => ownValue(of(names), name);
    }
    const key = this.node(property);
    return (names) => ownValue(of(names), key(names));
  }

  private unary(operator: string, of: Run): Run {
    if (operator === '!') return (names) => !of(names);
    if (operator === '-') return (names) => arithmetic('-', 0, of(names));
    if (operator === '+') return (names) => numberOf(of(names));
    return this.refuse(`the operator ${operator}`);
  }

  private binary(operator: string, left: Run, right: Run): Run {
    switch (operator) {
      case '&&':
        return (names) => left(names) && right(names);
      case '||':
        return (names) => left(names) || right(names);
      case '??':
        return (names) => left(names) ?? right(names);
      case '==':
      case '===':
        return (names) => isEqual(left(names), right(names));
      case '!=':
      case '!==':
        return (names) => !isEqual(left(names), right(names));
      case '<':
        return (names) => isLess(left(names), right(names));
      case '>':
        return (names) => isLess(right(names), left(names));
      case '<=':
        return (names) => isAtMost(left(names), right(names));
      case '>=':
        return (names) => isAtMost(right(names), left(names));
      case 'in':
        return (names) => isIn(left(names), right(names));
      case '+':
      case '-':
      case '*':
      case '/':
      case '%':
        return (names) => arithmetic(operator, left(names), right(names));
      default:
        return this.refuse(`the operator ${operator}`);
    }
  }

  private call({ callee, arguments: given }: jsep.CallExpression): Run {
    if (callee.type === 'Identifier') {
      const { name } = callee as jsep.Identifier;
      if (!Object.hasOwn(FUNCTIONS, name)) this.refuseFunction(name, Object.keys(FUNCTIONS));
      const of = FUNCTIONS[name]!;
      const values = given.map((it) => this.node(it));
      return (names) => of(...values.map((value) => value(names)));
    }
    if (callee.type !== 'MemberExpression' || callee.computed)
      return this.refuse('a call of what is no function');
    const { object, property } = callee as jsep.MemberExpression;
    const { name } = property as jsep.Identifier;
    if (!Object.hasOwn(METHODS, name)) this.refuseFunction(name, Object.keys(METHODS));
    return this.method(METHODS[name]!, this.node(object), given);
  }

  private method(method: Method, of: Run, given: readonly jsep.Expression[]): Run {
    const values = given.map((it) => this.argument(it));
    return (names) => method(of(names), ...values.map((value) => value(names)));
  }

  /** A value, or a function of one element: `lines.some(it => it.quantity > 3)`. */
  private argument(node: jsep.Expression): Run {
    if (node.type !== 'ArrowFunctionExpression') return this.node(node);
    const { params, body, async } = node as unknown as Arrow;
    const parameters = (params ?? []).map((it) =>
      it.type === 'Identifier' ? (it as jsep.Identifier).name : this.refuse('such a parameter'),
    );
    if (async) this.refuse('async');
    const around = this.given;
    this.given = [...around, ...parameters];
    const run = this.node(body);
    this.given = around;
    return (names) =>
      (...values: unknown[]) =>
        run((name) => {
          const at = parameters.indexOf(name);
          return at === -1 ? names(name) : values[at];
        });
  }

  /** As a name of its own rather than a member, where it stands as one. */
  private placeOf(name: string): number {
    const word = `(?<![\\p{ID_Continue}$])${name.replace(/\$/g, '\\$&')}(?![\\p{ID_Continue}$])`;
    const places = [`(?<!\\.)${word}`, word].map((it) => this.text.search(new RegExp(it, 'u')));
    return Math.max(0, places.find((it) => it >= 0) ?? 0);
  }

  private refuseFunction(name: string, known: readonly string[]): never {
    const there = `there are ${known.join(', ')}.`;
    throw new InvalidExpression(
      this.text,
      'unknown-function',
      `there is no function ${name}: ${there}`,
      this.placeOf(name),
    );
  }

  private refuse(what: string): never {
    throw new InvalidExpression(
      this.text,
      'unsupported',
      `${what} is not part of the language. It looks and compares, as in ${EXAMPLE}.`,
    );
  }
}

interface Arrow {
  readonly params: readonly jsep.Expression[] | null;
  readonly body: jsep.Expression;
  readonly async?: boolean;
}

const UNSUPPORTED: Readonly<Record<string, string>> = {
  Compound: 'more than one expression',
  SequenceExpression: 'a comma',
  ThisExpression: 'this',
  ArrowFunctionExpression: 'a function that is given to none',
};

const EXAMPLE = 'balance < 0 && lines.some(it => it.quantity > 3)';

function isAtMost(one: unknown, other: unknown): boolean {
  return isLess(one, other) || (isEqual(one, other) && one !== null && one !== undefined);
}

function isIn(value: unknown, where: unknown): boolean {
  if (Array.isArray(where)) return where.some((it) => isEqual(it, value));
  return ownValue(where, value) !== undefined;
}

/** `undefined` where it is no number that comes of it. Texts are joined by `+`. */
function arithmetic(operator: '+' | '-' | '*' | '/' | '%', one: unknown, other: unknown): unknown {
  if (
    operator === '+' &&
    typeof one === 'string' &&
    typeof other === 'string' &&
    !(isNumber(one) && isNumber(other))
  )
    return one + other;
  const [a, b] = [numberOf(one), numberOf(other)];
  if (a === undefined || b === undefined) return undefined;
  const result = { '+': a + b, '-': a - b, '*': a * b, '/': a / b, '%': a % b }[operator];
  return Number.isFinite(result) ? result : undefined;
}
