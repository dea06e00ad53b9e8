import { MemoryStateStore } from '@backstory/core/state';
import { eventually } from '../../../../test/support/eventually.js';
import { readControl, writeControl, type Generation } from './control.js';
import { HeldMeeting } from './meet.js';
import { placesOf } from './places.js';
import { writeProgress } from './progress.js';

const generation = (number: number, role: Generation['role']): Generation => {
  const createdAt = new Date(0).toISOString();
  return { ...{ number, role, createdAt, version: number }, events: [], types: [], indexes: [] };
};

let state: MemoryStateStore;
const meetings: HeldMeeting[] = [];
beforeEach(async () => {
  state = new MemoryStateStore();
  const generations = [generation(1, 'live'), generation(2, 'building')];
  await state.transaction([], (tx) => writeControl(tx, 'sums', { live: 1, last: 2, generations }));
  await reaches(1, 5);
});
afterEach(async () => {
  for (const it of meetings.splice(0)) await it.end();
});

function reaches(number: number, through: number): Promise<void> {
  const checkpoint = { logId: 'log', epoch: 1, through };
  const progress = { checkpoint, events: through, documents: 0, rate: 0, savedAt: new Date(0).toISOString() };
  return state.transaction([], (tx) =>
    writeProgress(tx, placesOf('sums'), { ...progress, generation: number }),
  );
}

function newMeeting(): HeldMeeting {
  const meeting = new HeldMeeting(state, 'sums', { generation: 2, least: 0 });
  meetings.push(meeting);
  return meeting;
}

const met = async () => (await state.read((view) => readControl(view, 'sums')))!.meeting?.position;

it('where one that was at work went beyond it as it was written, they meet there', async () => {
  const meeting = newMeeting();
  expect([await meeting.hold(), await met()]).toEqual([5, 5]);
  await reaches(2, 8);
  expect([await meeting.hold(), await met()]).toEqual([8, 8]);
});

it('it is that of one at a time: another one neither changes nor ends it, and has them meet once it is over', async () => {
  const [first, second] = [newMeeting(), newMeeting()];
  await first.hold();
  await reaches(2, 8);
  await second.hold();
  expect(await met()).toBe(5);
  await second.end();
  expect(await met()).toBe(5);
  const third = newMeeting();
  await third.hold();
  await first.end();
  expect(await met()).toBeUndefined();
  expect([await third.hold(), await met()]).toEqual([8, 8]);
});

it('one who was taken for dead does not end what another one has asked for since', async () => {
  const [first, second] = [newMeeting(), newMeeting()];
  await first.hold();
  const [lease] = await state.leases(placesOf('sums').meeting);
  await state.release(lease!);
  await second.hold();
  await first.end();
  expect(await met()).toBe(5);
  await second.end();
  expect(await met()).toBeUndefined();
});

it('one who was taken for dead has them meet anew once nobody else does', async () => {
  const [first, second] = [newMeeting(), newMeeting()];
  await first.hold();
  const [lease] = await state.leases(placesOf('sums').meeting);
  await state.release(lease!);
  await second.hold();
  await second.end();
  await eventually(async () => {
    await first.hold();
    return (await met()) === 5;
  }, 5_000);
});
