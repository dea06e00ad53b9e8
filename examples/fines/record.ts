import fines from './backstory.config';
import { importFines } from './src/import-fines';
import { OutstandingFine } from './src/outstanding';

void fines.run(async (app) => {
  const { cases, events } = await importFines(app);
  await app.caughtUp(OutstandingFine, (await app.events.identity()).head);
  console.log(`Recorded ${events} events of ${cases} fines.`);
});
