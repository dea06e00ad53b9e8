import type { StoredEvent } from '@backstory/core';
import { Entry } from './entry.js';
import { Tracker } from './tracker.js';

const at = (position: number) => new Entry({ id: `e${position}`, position } as StoredEvent, 0, 'normal');

it('everything up to the first event that is not finished is through; what is finished after it is ahead', () => {
  const tracker = new Tracker({ through: 10, ahead: [] });
  const entries = [11, 13, 14, 17].map(at);
  expect(entries.map((it) => tracker.admit(it))).toEqual([true, true, true, true]);
  tracker.examined(20);
  expect([tracker.through, tracker.finishedAhead()]).toEqual([10, []]);
  tracker.finish(entries[1]!);
  tracker.finish(entries[3]!);
  expect([tracker.through, tracker.finishedAhead(), tracker.last]).toEqual([10, [13, 17], undefined]);
  tracker.finish(entries[0]!);
  expect([tracker.through, tracker.finishedAhead(), tracker.last?.position]).toEqual([13, [17], 13]);
  tracker.finish(entries[2]!);
  expect([tracker.through, tracker.finishedAhead(), tracker.length]).toEqual([20, [], 0]);
});

it('what is read a second time, or was finished before the partition changed hands, is not taken up', () => {
  const tracker = new Tracker({ through: 10, ahead: [12, 15] });
  expect(tracker.covered).toBe(15);
  expect([11, 12, 11, 13, 15].map((it) => tracker.admit(at(it)))).toEqual([true, false, false, true, false]);
  expect([tracker.through, tracker.finishedAhead()]).toEqual([10, [12, 15]]);
});

it('the proof of what was read is the last event of the log that is known up to where everything is finished', () => {
  const tracker = new Tracker({ through: 10, ahead: [] });
  const proof = (position: number) => ({ id: `p${position}`, position });
  tracker.examined(12, proof(12));
  expect(tracker.last).toEqual(proof(12));
  const entries = [13, 15].map(at);
  for (const entry of entries) tracker.admit(entry);
  tracker.examined(18, proof(18));
  expect(tracker.last).toEqual(proof(12));
  tracker.finish(entries[0]!);
  expect(tracker.last).toEqual({ id: 'e13', position: 13 });
  tracker.finish(entries[1]!);
  expect([tracker.through, tracker.last]).toEqual([18, proof(18)]);
  tracker.examined(18, undefined);
  expect(tracker.last).toEqual(proof(18));
});

it('positions finished ahead are kept although they have not been read again', () => {
  const tracker = new Tracker({ through: 10, ahead: [12, 15] });
  tracker.admit(at(11));
  expect(tracker.finishedAhead()).toEqual([12, 15]);
});

it('the last event that is finished ahead is known, also after the partition has changed hands', () => {
  const tracker = new Tracker({ through: 10, ahead: [] });
  const entries = [11, 13, 14].map(at);
  for (const entry of entries) tracker.admit(entry);
  expect(tracker.farthest).toBeUndefined();
  tracker.finish(entries[2]!);
  tracker.finish(entries[1]!);
  expect(tracker.farthest).toEqual({ id: 'e14', position: 14 });
  const next = new Tracker({ through: 10, ahead: [13, 14], farthest: tracker.farthest });
  for (const position of [11, 13]) next.admit(at(position));
  expect(next.farthest).toEqual({ id: 'e14', position: 14 });
  next.admit(at(14));
  expect(next.farthest).toEqual({ id: 'e14', position: 14 });
  tracker.finish(entries[0]!);
  expect([tracker.through, tracker.farthest]).toEqual([14, undefined]);
});
