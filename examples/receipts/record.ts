import receipts from './backstory.config';
import { importReceipts } from './src/import-receipts';

void receipts.run(async (app) => {
  const began = performance.now();
  const { cases, events, recorded } = await importReceipts(app, {
    onProgress: (done, of) => {
      if (process.stderr.isTTY) process.stderr.write(`\r${done.cases} of ${of} applications`);
    },
  });
  if (process.stderr.isTTY)
    process.stderr.write(` in ${((performance.now() - began) / 1_000).toFixed(1)} s\n`);
  console.log(`${cases} applications with ${events} events: ${recorded} recorded now.`);
});
