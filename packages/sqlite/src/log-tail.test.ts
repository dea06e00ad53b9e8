import { LogTail } from './log-tail.js';
import { Session } from './session.js';

it.each([
  ['one batch', [10_001]],
  ['a batch after many', [9_999, 5_000]],
  ['single events', [10_000, 1]],
])(
  'no more than 10,000 versions are remembered, whether %s went over; the rest is read again',
  (_, sizes) => {
    const tail = new LogTail();
    const all: string[] = [];
    for (const size of sizes) {
      const batch = Array.from({ length: size }, (_, i) => `s-${all.length + i}`);
      all.push(...batch);
      tail.committed(all.length, new Map(batch.map((stream) => [stream, 7])));
    }
    const { session, read } = sessionOf(7);
    const versions = tail.versionsOf(session, new Set(all), all.length);
    expect(versions).toEqual(new Map(all.map((stream) => [stream, 7])));
    expect(all.length - read()).toBeLessThanOrEqual(10_000);
  },
);

it('what was appended lately is not read again, until somebody else has appended', () => {
  const tail = new LogTail();
  const streams = Array.from({ length: 10_000 }, (_, i) => `s-${i}`);
  tail.committed(10_000, new Map(streams.map((stream) => [stream, 1])));
  const { session, read } = sessionOf(2);
  expect(tail.versionsOf(session, new Set(streams), 10_000).get('s-0')).toBe(1);
  expect(read()).toBe(0);
  expect(tail.versionsOf(session, new Set(streams), 10_001).get('s-0')).toBe(2);
  expect(read()).toBe(10_000);
});

/** A log in which every stream has one version. */
function sessionOf(version: number): { readonly session: Session; readonly read: () => number } {
  let read = 0;
  const session = new Session({
    exec: () => undefined,
    close: () => undefined,
    prepare: () => ({
      run: () => 0,
      objects: () => [],
      all([streams]) {
        const asked = JSON.parse(streams as string) as string[];
        read += asked.length;
        return asked.map((stream) => [stream, version]);
      },
    }),
  });
  return { session, read: () => read };
}
