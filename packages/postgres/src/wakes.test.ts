import { EventEmitter } from 'node:events';
import type { QueryConfig } from 'pg';
import type { Database } from './database.js';
import { Wakes } from './wakes.js';

/** A connection whose every answer takes a while; `told` is what was notified, and of how many that were under way. */
function slowConnection() {
  const told: string[] = [];
  let underWay = 0;
  const client = Object.assign(new EventEmitter(), {
    async query(statement: string | QueryConfig) {
      if (typeof statement === 'string' || !statement.text.includes('pg_notify')) return;
      underWay++;
      await new Promise((wait) => setTimeout(wait, 20));
      told.push(`${(statement.values as string[])[1]} of ${underWay}`);
      underWay--;
    },
  });
  const database = {
    schema: '"backstory"',
    canListen: true,
    connect: async () => client,
    end: async () => undefined,
  } as unknown as Database;
  return { client, told, wakes: new Wakes(database, { notify: true, pollMs: 1_000 }) };
}

test('notifications are sent one after the other, however slow the server is, and the last head is among them', async () => {
  const { told, wakes } = slowConnection();
  for (let head = 1; head <= 30; head++) {
    wakes.appended(head);
    await new Promise((wait) => setTimeout(wait, 3));
  }
  await wakes.close();
  expect(told.length).toBeGreaterThan(1);
  expect(told.every((it) => it.endsWith(' of 1'))).toBe(true);
  expect(told.at(-1)).toBe('30 of 1');
});

test.each([
  ['not told again where another process has told of as much', '6', []],
  ['told where another process has told of less', '4', ['5 of 1']],
])('what was appended is %s', async (_, payload, expected) => {
  const { client, told, wakes } = slowConnection();
  const unsubscribe = wakes.add(() => undefined);
  while (client.listenerCount('notification') === 0) await new Promise((turn) => setImmediate(turn));
  wakes.appended(5);
  client.emit('notification', { payload });
  unsubscribe();
  await wakes.close();
  expect(told).toEqual(expected);
});

test('who looks for himself is woken by a head that went back, once', async () => {
  let looked = 0;
  const read = async () => {
    looked++;
    return [['3']];
  };
  const wakes = new Wakes({ schema: '"backstory"', read } as unknown as Database, {
    notify: false,
    pollMs: 1,
  });
  wakes.appended(5);
  let woken = 0;
  const unsubscribe = wakes.add(() => void woken++);
  while (looked < 3) await new Promise((turn) => setImmediate(turn));
  unsubscribe();
  await wakes.close();
  expect(woken).toBe(1);
});
