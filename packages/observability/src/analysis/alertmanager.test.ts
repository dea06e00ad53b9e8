import { alertmanagerDouble, type PostedAlert } from '../../../../test/support/alertmanager-double.js';
import { eventually } from '../../../../test/support/eventually.js';
import type { AlertChange } from './alert-state.js';
import { Alertmanager, type AlertmanagerOptions } from './alertmanager.js';

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

const START = Date.parse('2026-11-28T12:00:00Z');
const MINUTE = 60_000;

async function told(options: Partial<AlertmanagerOptions> = {}) {
  const double = await alertmanagerDouble();
  closing.push(() => double.close());
  let dropped = 0;
  const parts = {
    clock: () => START,
    labels: { instance: 'a:1' },
    dropped: (count: number) => void (dropped += count),
  };
  const alertmanager = new Alertmanager({ url: double.url, ...options }, parts);
  closing.push(() => alertmanager.close());
  const note = (step: AlertChange['step'], at: number, more: Partial<AlertChange> = {}) =>
    alertmanager.note(
      {
        ...{ step, alert: 'errors', kind: 'alert', labels: { of: 'handling' }, severity: 'warning' },
        ...{ value: 0.2, why: '0.2 is more than 0.05', startedAt: new Date(START).toISOString() },
        ...more,
      },
      START + at,
    );
  const tell = async (at: number): Promise<readonly PostedAlert[] | undefined> => {
    double.posts.splice(0);
    await alertmanager.tell(START + at);
    return double.posts[0];
  };
  return { double, alertmanager, note, tell, dropped: () => dropped };
}

test('what is raised is posted with its labels, its times and where to look further', async () => {
  const { double, note, tell } = await told({
    generatorUrl: 'https://shop.example/health',
    labels: { cluster: 'eu' },
    headers: { authorization: 'Bearer x' },
  });
  note('raised', 0, { summary: 'It failed.' });
  expect(await tell(0)).toEqual([
    {
      labels: {
        ...{ alertname: 'errors', severity: 'warning', kind: 'alert', of: 'handling' },
        ...{ instance: 'a:1', cluster: 'eu' },
      },
      annotations: { summary: 'It failed.', description: '0.2 is more than 0.05', value: '0.2' },
      ...{ startsAt: '2026-11-28T12:00:00.000Z', endsAt: '2026-11-28T12:04:00.000Z' },
      generatorURL: 'https://shop.example/health',
    },
  ]);
  expect(double.authorizations).toEqual(['Bearer x']);
});

test('it is said again while it is raised, and once when it is resolved', async () => {
  const { note, tell } = await told();
  note('raised', 0);
  expect(await tell(0)).toHaveLength(1);
  expect(await tell(59_000)).toBeUndefined();
  expect(await tell(MINUTE)).toMatchObject([{ endsAt: '2026-11-28T12:05:00.000Z' }]);
  note('resolved', 90_000, { because: 'value' });
  expect(await tell(90_000)).toMatchObject([{ endsAt: '2026-11-28T12:01:30.000Z' }]);
  expect(await tell(10 * MINUTE)).toBeUndefined();
});

test('of another severity it is another alert, and the one before is resolved', async () => {
  const { note, tell } = await told();
  note('raised', 0);
  await tell(0);
  note('escalated', 1_000, { severity: 'critical' });
  const posted = await tell(1_000);
  expect(posted!.map(({ labels, endsAt }) => [labels['severity'], endsAt]).sort()).toEqual([
    ['critical', '2026-11-28T12:04:01.000Z'],
    ['warning', '2026-11-28T12:00:01.000Z'],
  ]);
  note('resolved', 2_000, { severity: 'critical', because: 'value' });
  expect((await tell(2_000))!.map(({ labels }) => labels['severity'])).toEqual(['critical']);
});

test('what is suppressed is not said; that the process closes resolves nothing', async () => {
  const { note, tell } = await told();
  note('suppressed', 0);
  expect(await tell(0)).toBeUndefined();
  note('raised', 0);
  await tell(0);
  note('resolved', 1_000, { because: 'closed' });
  expect(await tell(MINUTE)).toBeUndefined();
});

test('a receiver that refuses disturbs nobody, is counted, and is told again', async () => {
  const { double, note, tell, dropped } = await told();
  note('raised', 0);
  double.how.answer = 'refuse';
  await tell(0);
  await tell(10_000);
  expect(dropped()).toBe(2);
  note('resolved', 20_000, { because: 'value' });
  await tell(20_000);
  double.how.answer = 'take';
  expect(await tell(30_000)).toMatchObject([{ endsAt: '2026-11-28T12:00:20.000Z' }]);
  expect(await tell(40_000)).toBeUndefined();
  expect(dropped()).toBe(3);
});

test('a receiver that hangs or is not there is not waited for longer than it may take', async () => {
  const { double, note, tell, dropped } = await told({ timeoutMs: 50 });
  double.how.answer = 'hang';
  note('raised', 0);
  await tell(0);
  expect(dropped()).toBe(1);
  await double.close();
  await tell(10_000);
  expect(dropped()).toBe(2);
});

test('while one request is under way there is no other, and closing ends it', async () => {
  const { double, alertmanager, note } = await told({ timeoutMs: 60_000 });
  double.how.answer = 'hang';
  note('raised', 0);
  const telling = [alertmanager.tell(START), alertmanager.tell(START + MINUTE)];
  await eventually(() => double.posts.length === 1);
  alertmanager.close();
  await Promise.all(telling);
  expect(double.posts).toHaveLength(1);
});

test('what was resolved long ago and never taken is forgotten; each of a cluster is told', async () => {
  const other = await alertmanagerDouble();
  closing.push(() => other.close());
  const { double, note, tell } = await told();
  double.how.answer = 'refuse';
  note('raised', 0);
  note('resolved', 0, { because: 'value' });
  expect(await tell(14 * MINUTE)).toHaveLength(1);
  double.how.answer = 'take';
  expect(await tell(15 * MINUTE)).toBeUndefined();
  const both = await told({ url: [double.url, `${other.url}/`] });
  both.note('raised', 0);
  await both.tell(0);
  expect([double.posts.length, other.posts.length]).toEqual([1, 1]);
});

test('one of a cluster that hangs keeps nothing from the others', async () => {
  const other = await alertmanagerDouble();
  closing.push(() => other.close());
  const hanging = await alertmanagerDouble();
  closing.push(() => hanging.close());
  hanging.how.answer = 'hang';
  const { alertmanager, note } = await told({ url: [hanging.url, other.url], timeoutMs: 60_000 });
  note('raised', 0);
  const telling = alertmanager.tell(START);
  await eventually(() => other.posts.length === 1);
  alertmanager.close();
  await telling;
});

test('what cannot be an address or a label is refused', () => {
  const parts = { labels: {}, dropped: () => undefined, clock: () => START };
  for (const url of ['alertmanager:9093', 'ftp://a', ''])
    expect(() => new Alertmanager({ url }, parts)).toThrow('alertmanager.url');
  const labels = { 'no-name': 'x' };
  expect(() => new Alertmanager({ url: 'http://a', labels }, parts)).toThrow('alertmanager.labels');
});
