import { Comparison, type Row } from './comparison.js';

async function* rows(...all: Row[]): AsyncGenerator<Row, void> {
  yield* all;
}

async function compared(left: Row, right: Row): Promise<Comparison> {
  const comparison = new Comparison(10);
  await comparison.run(rows(left), rows(right));
  return comparison;
}

it('the same document under another key has another hash', async () => {
  const { hashes, documents, different } = await compared(['a', '{"n":1}'], ['b', '{"n":1}']);
  expect(hashes[0]).not.toBe(hashes[1]);
  expect({ documents, different }).toEqual({ documents: 2, different: 2 });
});

it('the order of properties is no difference, neither outside nor within', async () => {
  const { hashes, different } = await compared(
    ['a', '{"n":1,"of":{"x":1,"y":[{"p":1,"q":2}]}}'],
    ['a', '{"of":{"y":[{"q":2,"p":1}],"x":1},"n":1}'],
  );
  expect(hashes[0]).toBe(hashes[1]);
  expect(different).toBe(0);
});
