import { sqlite } from 'backstory';
import { postgres } from '@backstory/postgres';
import { scheduleShop } from './process-schedules.js';

/** Carries out what is scheduled until it is killed. Says so between the effect and writing down that it is done. */
async function main([where]: readonly string[]): Promise<void> {
  const store = where!.startsWith('postgres:') ? postgres(where!) : sqlite(where!);
  await scheduleShop(store, (id) => void process.stdout.write(`done ${id}\n`)).start();
  process.stdout.write('ready\n');
}

void main(process.argv.slice(2));
