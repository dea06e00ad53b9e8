import fs from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { given } from '@backstory/testing';
import { stats } from '@backstory/replay';
import { defineBackstory, sqlite, type App, type RecordedEvent } from 'backstory';
import { RECEIPTS_LOG, importReceipts, type Imported } from './src/import-receipts';
import { AlreadyRegistered, NotRegistered, Receipt, StepOutOfOrder } from './src/receipt';
import { AdviceAssessed, ConfirmationMoved, Registered } from './src/receipt-events';
import { instantOf, readRows, type Row } from './receipt-csv';

let folder: string;
let app: App;
let cases: ReadonlyMap<string, readonly Row[]>;
const progress: number[] = [];

const idOf = (name: string) => name.replace('case-', '');
const eventsOf = async (name: string) => {
  const events: RecordedEvent<object>[] = [];
  for await (const event of app.repository(Receipt).eventsSince(idOf(name))) events.push(event);
  return events;
};

beforeAll(async () => {
  folder = await fs.mkdtemp(path.join(os.tmpdir(), 'receipts-'));
  app = await open('receipts.db');
  cases = await readRows();
  const onProgress = ({ cases }: Imported) => progress.push(cases);
  expect(await importReceipts(app, { onProgress })).toEqual({ cases: 1434, events: 8577, recorded: 8577 });
});
afterAll(async () => {
  await app.close();
  await fs.rm(folder, { recursive: true });
});

function open(name: string): Promise<App> {
  const store = sqlite(path.join(folder, name));
  return defineBackstory({ name: 'receipts', store, aggregates: [Receipt] }).start();
}

describe('the real log of 1,434 permit applications, compared with its other edition, the CSV', () => {
  test('is recorded whole: 8,577 events, as many of each activity', async () => {
    const counted = new Map<string, number>();
    for await (const { events } of app.events.readAll())
      for (const { metadata } of events)
        count(counted, (JSON.parse(metadata) as { command: string }).command);
    const expected = new Map<string, number>();
    for (const row of [...cases.values()].flat()) count(expected, row['concept:name']!);
    expect(counted).toEqual(expected);
    expect(expected.size).toBe(27);
    expect(await stats(app.events)).toMatchObject({ events: 8577, streams: 1434 });
  });

  test('gives each application its tasks in their order, each with its own time, resource and activity', async () => {
    for (const [name, rows] of cases) {
      const recorded = (await eventsOf(name)).map(({ metadata }) => metadata);
      expect(recorded.map(({ origin }) => origin)).toEqual(rows.map((row) => row['concept:instance']));
      expect(recorded.map(({ command }) => command)).toEqual(rows.map((row) => row['concept:name']));
      expect(recorded.map(({ actor }) => actor)).toEqual(rows.map((row) => row['org:resource']));
      expect(recorded.map(({ occurredAt }) => occurredAt)).toEqual(
        rows.map((row) => instantOf(row['time:timestamp']!).toISOString()),
      );
    }
  });

  test('folds every application to the state that its rows give', async () => {
    for (const [name, rows] of cases) {
      const receipt = await app.repository(Receipt).load(idOf(name));
      expect([name, { ...receipt }]).toEqual([name, stateOf(rows)]);
    }
  });

  test('tells which applications took longer than their deadline allowed', async () => {
    const late: string[] = [];
    for (const name of cases.keys())
      if ((await app.repository(Receipt).load(idOf(name))).isLate) late.push(name);
    // Clocks of one zone compare as text, except in the hour that is lived through twice.
    const isLate = (row: Row) => row['time:timestamp']! > row['case:deadline']!;
    expect(late).toEqual([...cases].filter(([, rows]) => isLate(rows.at(-1)!)).map(([name]) => name));
    expect(late.length).toBeGreaterThan(0);
    const { durationMs } = await app.repository(Receipt).load('10011');
    expect(durationMs).toBe(Date.parse('2011-11-24T14:37:16.553Z') - Date.parse('2011-10-11T11:45:40.276Z'));
  });
});

describe('importing', () => {
  test('tells how far it is, up to the last case', () => {
    expect(progress).toEqual([...progress].sort((a, b) => a - b));
    expect([progress[0], progress.at(-1)]).toEqual([64, 1434]);
  });

  test('again, also twice at once, records nothing twice', async () => {
    const before = await app.events.identity();
    const again = await Promise.all([importReceipts(app), importReceipts(app)]);
    expect(again.map(({ recorded }) => recorded)).toEqual([0, 0]);
    expect(await app.events.identity()).toEqual(before);
  });

  test('a log that has grown since adds to each case what is new, and nothing else', async () => {
    const whole = await fs.readFile(RECEIPTS_LOG, 'utf8');
    const [head, first, second] = whole.split(/(?=<trace>)/);
    const file = path.join(folder, 'grown.xes');
    const last = first!.lastIndexOf('<event>');
    const grown = await open('grown.db');
    try {
      await fs.writeFile(file, `${head}${first!.slice(0, last)}</trace></log>`);
      expect(await importReceipts(grown, { file })).toEqual({ cases: 1, events: 3, recorded: 3 });
      await fs.writeFile(file, `${head}${first}${second}</log>`);
      expect(await importReceipts(grown, { file })).toMatchObject({ cases: 2, recorded: 1 + 9 });
      expect(await grown.repository(Receipt).load('10011')).toMatchObject({ version: 4 });
    } finally {
      await grown.close();
    }
  });

  test('refuses an activity that it does not know, and records nothing of that case', async () => {
    const [head, first] = (await fs.readFile(RECEIPTS_LOG, 'utf8')).split(/(?=<trace>)/);
    const file = path.join(folder, 'unknown.xes');
    await fs.writeFile(file, `${head}${first!.replaceAll('"T02 ', '"T99 ')}</log>`);
    const empty = await open('unknown.db');
    try {
      await expect(importReceipts(empty, { file })).rejects.toThrow('do not know: T99 Check confirmation');
      expect(await empty.events.identity()).toMatchObject({ head: 0 });
    } finally {
      await empty.close();
    }
  });
});

describe('an application', () => {
  const done = (day: number) => ({
    task: `task-${day}`,
    resource: 'ann',
    group: 'Group 1',
    completedAt: new Date(Date.UTC(2011, 0, day)),
  });
  const application = {
    channel: 'Desk',
    department: 'General',
    responsible: 'ann',
    caseGroup: null,
    startedAt: new Date(0),
    deadline: new Date(Date.UTC(2011, 0, 5)),
    plannedEnd: new Date(0),
  };
  const registered = new Registered(done(1), application);

  test('begins with its registration, once', () => {
    given(Receipt)
      .when((it) => it.record(new AdviceAssessed(done(2)), 'T06'))
      .expect(NotRegistered);
    given(Receipt, [registered])
      .when((it) => it.record(registered, 'Confirmation of receipt'))
      .expect(AlreadyRegistered);
  });

  test('takes no step before the one before it', () => {
    given(Receipt, [registered, new AdviceAssessed(done(3))])
      .when((it) => it.record(new ConfirmationMoved(done(2), 'sent'), 'T05'))
      .expect(StepOutOfOrder);
  });

  test('is where its last step led', () => {
    given(Receipt, [registered])
      .when((it) => it.record(new ConfirmationMoved(done(2), 'sent'), 'T05'))
      .expect({ state: { phase: 'confirmation', confirmation: 'sent', lastActor: 'ann', work: { ann: 2 } } });
  });
});

/** What the fold must come to, from the rows alone: counts, firsts and lasts. */
function stateOf(rows: readonly Row[]): object {
  const [first, last] = [rows[0]!, rows.at(-1)!];
  const numbers = rows.map((row) => /^T(\d\d)(?:-(\d))?/.exec(row['concept:name']!) ?? ['', '01']);
  const aspects = (code: string) => numbers.filter(([, it]) => it === code).map(([, , n]) => Number(n));
  const lastOf = (steps: Record<string, string>) => {
    const code = numbers.map(([, it]) => it!).findLast((it) => it in steps);
    return code === undefined ? 'none' : steps[code];
  };
  const phases = { T01: 'confirmation', T06: 'advice', T10: 'assessment', T11: 'unlicensed', T16: 'hold' };
  const phase = Object.entries(phases).findLast(([from]) => from <= `T${numbers.at(-1)![1]}`)![1];
  const work: Record<string, number> = {};
  for (const row of rows) work[row['org:resource']!] = (work[row['org:resource']!] ?? 0) + 1;
  return {
    phase,
    channel: first['case:channel'],
    department: first['case:department'],
    responsible: first['case:responsible'],
    registeredAt: instantOf(first['time:timestamp']!),
    lastStepAt: instantOf(last['time:timestamp']!),
    deadline: instantOf(first['case:deadline']!),
    confirmation: lastOf({ '02': 'checked', '03': 'adjusted', '04': 'determined', '05': 'sent' }),
    unlicensedRequest: lastOf({ 11: 'created', 12: 'checked', 13: 'adjusted', 14: 'determined', 15: 'sent' }),
    holdReport: lastOf({ 16: 'created', 17: 'checked', 18: 'adjusted', 19: 'determined', 20: 'sent' }),
    advice: { aspects: aspects('07'), requests: aspects('08').length, parties: aspects('09') },
    lastActor: last['org:resource'],
    work,
  };
}

function count(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}
