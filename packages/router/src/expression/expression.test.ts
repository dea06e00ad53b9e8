import fc from 'fast-check';
import jsep from 'jsep';
import { Expression } from './expression.js';

const state = {
  balance: -3,
  status: 'open',
  amount: '12.50',
  owner: null,
  lines: [
    { sku: 'pen', quantity: 2 },
    { sku: 'ink', quantity: 7 },
  ],
  prices: { pen: 3, 'a.b': 1 },
  at: '2026-11-20T12:00:00.000Z',
  yes: true,
};
const holds = (text: string) =>
  Expression.of(text).holds((name) =>
    Object.hasOwn(state, name) ? state[name as keyof typeof state] : undefined,
  );

test.each([
  'balance < 0',
  'balance <= -3 && balance >= -3 && !(balance > -3)',
  'status == "open" && status != "shut"',
  "status === 'open' || nothing.at.all",
  'amount == 12.5 && amount > 12 && amount + 1 == 13.5',
  'owner == null && owner != undefined && missing == undefined && missing ?? true',
  'lines.length == 2 && status.length == 4',
  'lines[1].sku == "ink" && lines[1]["quantity"] == 7',
  'lines.some(it => it.quantity > 6) && !lines.every(it => it.quantity > 6)',
  'lines.find(it => it.sku == "ink").quantity == 7',
  'sum(lines.map(it => it.quantity)) == 9 && sum(lines.map("quantity")) == 9',
  'lines.filter((it, i) => i == 0).length == 1',
  'lines.some(a => lines.some(b => b.quantity == a.quantity + 5))',
  'prices["a.b"] == 1 && prices.pen == 3',
  '"pen" in prices && !("pan" in prices) && 3 in [1, 2, 3]',
  'prices.some(it => it > 2) && keys(prices).includes("pen") && max(values(prices)) == 3',
  'status.startsWith("op") && status.endsWith("n") && status.includes("pe") && status.toUpperCase() == "OPEN"',
  'at > "2026-11-20" && at < "2026-11-21"',
  'abs(balance) == 3 && min(1, 2) == 1 && round(2.4) == 2 && -balance == 3 && 7 % 4 == 3',
  'yes ? balance < 0 : false',
  'lines[0] == lines[0] && lines[0] != lines[1] && [1, [2]] == [1, [2]]',
  'status + "er" == "opener"',
])('%s', (text) => {
  expect(holds(text)).toBe(true);
  expect(holds(`!(${text})`)).toBe(false);
});

test.each([
  // Nothing that cannot be compared is less, and nothing is inherited.
  'owner < 1',
  'owner >= 0',
  'missing < 1',
  'missing.deeper.still == 1',
  'status < 5',
  'status - 1 < 5',
  'constructor',
  'status.constructor',
  'lines.constructor',
  'prices.constructor',
  'prices["__proto__"]',
  'lines.map(it => it).constructor',
  'balance.some(it => true)',
  '1 / 0',
  '"length" in lines',
])('%s does not hold', (text) => expect(holds(text)).toBe(false));

test.each<[string, string, number | undefined, string]>([
  ['', 'syntax', undefined, 'it is empty'],
  ['balance <', 'syntax', 9, 'expected expression after <'],
  ['balance = 3', 'syntax', 8, ''],
  ['(balance', 'syntax', undefined, 'unclosed ('],
  ['a; b', 'unsupported', undefined, 'more than one expression'],
  ['this.x', 'unsupported', undefined, 'this is not part'],
  ['a & b', 'unsupported', undefined, 'the operator &'],
  ['~a', 'unsupported', undefined, 'the operator ~'],
  ['[1,,2]', 'unsupported', undefined, 'an empty place between commas'],
  ['it => it', 'unsupported', undefined, 'a function that is given to none'],
  ['process.exit()', 'unknown-function', 8, 'there is no function exit: there are includes'],
  ['eval("1")', 'unknown-function', 0, 'there is no function eval: there are abs'],
  ['lines.constructor("return 1")()', 'unsupported', undefined, 'a call of what is no function'],
  ['lines.map(({ x }) => x)', 'syntax', undefined, ''],
  ['toString()', 'unknown-function', 0, ''],
  ['x.valueOf()', 'unknown-function', 2, ''],
  ['x'.repeat(2_001), 'syntax', undefined, 'more than 2000 characters'],
  ['('.repeat(1_900), 'syntax', undefined, ''],
])('%j is refused with what is wrong and where', (text, reason, index, message) => {
  const refused = refusal(() => Expression.of(text));
  expect(refused).toMatchObject({ code: 'BACKSTORY_INVALID_EXPRESSION', reason, expression: text });
  expect(refused.message).toContain(message);
  if (index !== undefined) {
    expect(refused.index).toBe(index);
    expect(refused.message.endsWith(`\n${text}\n${' '.repeat(index)}^`)).toBe(true);
  }
});

test('whatever is written, it is read or refused, and answers without throwing', () => {
  const piece = fc.constantFrom(
    'balance',
    'lines',
    '.',
    '[',
    ']',
    '(',
    ')',
    '<',
    '==',
    '&&',
    '!',
    '"a"',
    '1',
    'it => it',
    ',',
    'some',
    ' in ',
    '?',
    ':',
    '+',
  );
  fc.assert(
    fc.property(
      fc.oneof(
        fc.array(piece, { maxLength: 12 }).map((it) => it.join('')),
        fc.string(),
      ),
      (text) => {
        try {
          expect(typeof holds(text)).toBe('boolean');
        } catch (error) {
          expect(error).toMatchObject({ code: 'BACKSTORY_INVALID_EXPRESSION' });
        }
      },
    ),
    { numRuns: 2_000 },
  );
});

test('what others have taught the parser is no part of the language', () => {
  jsep.addBinaryOp('**', 11);
  expect(refusal(() => Expression.of('2 ** 3 == 8'))).toMatchObject({ reason: 'unsupported' });
  jsep.removeBinaryOp('**');
});

function refusal(work: () => unknown) {
  try {
    work();
  } catch (error) {
    return error as { message: string; reason: string; index?: number };
  }
  throw new Error('It was not refused.');
}
