import { DONE, Overlap } from './overlap.js';

/** A promise and what settles it. */
function gate() {
  let open: () => void = () => undefined;
  let fail: (error: Error) => void = () => undefined;
  const opened = new Promise<void>((resolve, reject) => ([open, fail] = [resolve, reject]));
  return { opened, open, fail };
}

let overlap: Overlap;
let told: string[];
beforeEach(() => {
  overlap = new Overlap();
  told = [];
});

/** Begins a piece whose second part waits. */
function piece(name: string, second: Promise<void>, first: Promise<void> = Promise.resolve()): Promise<void> {
  return overlap.begin(async (turn) => {
    told.push(`${name} begins`);
    await first;
    await turn();
    told.push(`${name} has its turn`);
    await second;
    told.push(`${name} is done`);
  });
}

it('one begins while the one before is at its second part, and has its turn after it', async () => {
  const first = gate();
  await piece('a', first.opened);
  const begun = piece('b', Promise.resolve());
  await new Promise((turn) => setImmediate(turn));
  expect(told).toEqual(['a begins', 'a has its turn', 'b begins']);
  first.open();
  await begun;
  await overlap.done();
  expect(told.slice(3)).toEqual(['a is done', 'b has its turn', 'b is done']);
  expect(overlap.underWay).toBeUndefined();
});

it('what is under way says when it is done', async () => {
  const only = gate();
  await piece('a', only.opened);
  only.open();
  expect(await overlap.underWay).toBe(DONE);
});

it('where the one before fails the next has no turn, and fails with the same', async () => {
  const first = gate();
  await piece('a', first.opened);
  const begun = piece('b', Promise.resolve());
  first.fail(new Error('a failed'));
  await expect(begun).rejects.toThrow('a failed');
  await expect(overlap.done()).rejects.toThrow('a failed');
  expect(told).toEqual(['a begins', 'a has its turn', 'b begins']);
  await piece('c', Promise.resolve());
  await overlap.done();
  expect(told.slice(3)).toEqual(['c begins', 'c has its turn', 'c is done']);
});

it('one that fails before its turn says so once the one before is done', async () => {
  const first = gate();
  await piece('a', first.opened);
  let failed = false;
  const begun = piece('b', Promise.resolve(), Promise.reject(new Error('b failed'))).catch((error: Error) => {
    failed = true;
    return error.message;
  });
  await new Promise((turn) => setImmediate(turn));
  expect(failed).toBe(false);
  first.open();
  expect(await begun).toBe('b failed');
  expect(told).toContain('a is done');
});

it('where both fail it is the one before that is told of', async () => {
  const first = gate();
  await piece('a', first.opened);
  const begun = piece('b', Promise.resolve(), Promise.reject(new Error('b failed')));
  first.fail(new Error('a failed'));
  await expect(begun).rejects.toThrow('a failed');
});
