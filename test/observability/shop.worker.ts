import { ObservabilityManager, type ObservabilityOptions } from '@backstory/observability';
import { openShop } from '../support/observed-shop.js';

/** Takes one order, observed as it is told, and ends. */
async function main(): Promise<void> {
  const manager = new ObservabilityManager(JSON.parse(process.argv[2]!) as ObservabilityOptions);
  await manager.start();
  const shop = await openShop({ observer: manager.observer });
  await shop.order('1');
  await shop.settled();
  await shop.close();
  await manager.shutdown();
}

main().then(
  () => process.exit(0),
  (error: unknown) => {
    console.error(error);
    process.exit(1);
  },
);
