import fines from './backstory.config';
import { importFines } from './src/import-fines';

void fines.run(async (app) => {
  const { cases, events } = await importFines(app);
  console.log(`Recorded ${events} events of ${cases} fines.`);
});
