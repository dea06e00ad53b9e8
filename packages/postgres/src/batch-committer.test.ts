import { VersionConflict } from '@backstory/core';
import { checkAppend, type CheckedAppend } from '@backstory/core/store';
import { Client } from 'pg';
import { startPostgres, type PostgresServer } from '../../../test/support/postgres-server.js';
import { anEvent } from '../../../test/support/sqlite-files.js';
import { BatchCommitter } from './batch-committer.js';
import { schemaSql } from './schema.js';
import { sessionOn, type Run } from './session.js';

let server: PostgresServer;
let client: Client;
let called: string[];
let committer: BatchCommitter;
beforeAll(async () => void (server = await startPostgres()));
beforeEach(async () => {
  client = new Client({ connectionString: await server.createDatabase() });
  await client.connect();
  await client.query(schemaSql('public'));
  called = [];
  committer = new BatchCommitter('public');
});
afterEach(() => client.end());
afterAll(() => server?.stop());

const run: Run = async (statement) => {
  called.push(/append_\w+/.exec(statement.text)![0]);
  return sessionOn(client, { prepare: true })(statement);
};

async function commit(...batch: CheckedAppend[]) {
  const { outcomes, lockWaitMs } = await committer.commit(run, batch);
  expect(lockWaitMs).toBeGreaterThanOrEqual(0);
  return outcomes;
}

function append(stream: string, expected: number | 'any', event = anEvent()): CheckedAppend {
  return checkAppend([{ stream, expected, events: [event] }]);
}

test('a new event, and new ones to streams of their own, need no look at what is in the log', async () => {
  const [first] = await commit(append('a-1', 0));
  const both = await commit(append('a-1', 1), append('b-1', 'any'));
  expect([first, ...both]).toMatchObject([
    { result: { position: 1, repeated: false, writes: [{ stream: 'a-1', version: 1, position: 1 }] } },
    { result: { position: 2, repeated: false, writes: [{ stream: 'a-1', version: 2, position: 2 }] } },
    { result: { position: 3, repeated: false, writes: [{ stream: 'b-1', version: 1, position: 3 }] } },
  ]);
  expect(called).toEqual(['append_one_v1', 'append_new_v1']);
});

test('two appends to one stream are looked at one after the other', async () => {
  expect(await commit(append('a-1', 0), append('a-1', 1))).toMatchObject([
    { result: { position: 1 } },
    { result: { position: 2 } },
  ]);
  expect(called).toEqual(['append_v1']);
});

test('where a version does not hold all of the batch is looked at, and so is the next at once', async () => {
  expect(await commit(append('a-1', 7), append('b-1', 0))).toMatchObject([
    { error: new VersionConflict('a-1', 7, 0) },
    { result: { position: 1 } },
  ]);
  await commit(append('c-1', 0));
  await commit(append('d-1', 0));
  expect(called).toEqual(['append_new_v1', 'append_v1', 'append_v1', 'append_one_v1']);
});

test.each([
  ['one', []],
  ['one of several', [append('b-1', 'any')]],
])('%s that has come before at any version is answered with its first result', async (_, others) => {
  const again = append('a-1', 'any');
  await commit(again);
  const [outcome] = await commit(again, ...others);
  expect(outcome).toMatchObject({ result: { position: 1, repeated: true } });
  await commit(append('c-1', 0));
  expect(called.slice(2)).toEqual(['append_v1', 'append_v1']);
});

test('what refuses a row for another reason is told, and not tried again', async () => {
  await client.query('create unique index on events (type)');
  await commit(append('a-1', 0));
  await expect(commit(append('b-1', 0))).rejects.toThrow('duplicate key');
  expect(called).toEqual(['append_one_v1', 'append_one_v1']);
});
