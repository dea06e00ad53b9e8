import fines from './backstory.config';
import { importFines } from './src/import-fines';

void fines.run(async (app) => {
  const { cases, events } = await importFines(app);
  const { head } = await app.events.identity();
  for (const projection of fines.projections) await app.caughtUp(projection, head);
  console.log(`Recorded ${events} events of ${cases} fines.`);
});
