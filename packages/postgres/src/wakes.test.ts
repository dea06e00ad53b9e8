import { EventEmitter } from 'node:events';
import type { Database } from './database.js';
import { Wakes } from './wakes.js';

test('notifications are sent one after the other, however slow the server is, and the last head is among them', async () => {
  const told: string[] = [];
  let underWay = 0;
  const client = Object.assign(new EventEmitter(), {
    async query(text: string, values?: readonly string[]) {
      if (!text.includes('pg_notify')) return;
      underWay++;
      await new Promise((wait) => setTimeout(wait, 20));
      told.push(`${values![1]} of ${underWay}`);
      underWay--;
    },
    end: async () => undefined,
  });
  const database = {
    schema: '"backstory"',
    canListen: true,
    connect: async () => client,
    end: async () => undefined,
  } as unknown as Database;
  const wakes = new Wakes(database, { notify: true, pollMs: 1_000 });
  for (let head = 1; head <= 30; head++) {
    wakes.appended(head);
    await new Promise((wait) => setTimeout(wait, 3));
  }
  await wakes.close();
  expect(told.length).toBeGreaterThan(1);
  expect(told.every((it) => it.endsWith(' of 1'))).toBe(true);
  expect(told.at(-1)).toBe('30 of 1');
});
