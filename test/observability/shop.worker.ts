import { ObservabilityManager, type ObservabilityOptions } from '@backstory/observability';
import { Context } from 'backstory';
import { openShop } from '../support/observed-shop.js';

/** Takes an order, or as many as it is told, each of a flow of its own, observed as it is told; and ends. */
async function main(): Promise<void> {
  const manager = new ObservabilityManager(JSON.parse(process.argv[2]!) as ObservabilityOptions);
  await manager.start();
  const shop = await openShop({ observer: manager.observer });
  const orders = Number(process.argv[3] ?? 1);
  for (let i = 1; i <= orders; i++)
    await Context.of({ correlationId: `flow-${i}` }).run(() => shop.order(String(i)));
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
