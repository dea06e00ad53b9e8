import { MeterProvider } from '@opentelemetry/sdk-metrics';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { Instrumentation, PrometheusReader } from '@backstory/observability';
import { IN_TIME, eventually } from './eventually.js';
import { OrderPlaced, openShop } from './observed-shop.js';

/** The shop with everything that can be measured in it, and a reader for Prometheus. */
export async function scraped() {
  const instrumentation = new Instrumentation({ sampleEveryMs: 20 });
  const reader = new PrometheusReader({ metricProducers: [instrumentation.metricProducer] });
  const resource = resourceFromAttributes({ 'service.name': 'shop', 'service.version': '1.4.0' });
  const provider = new MeterProvider({ resource, readers: [reader] });
  let calls = 0;
  const shop = await openShop({
    observer: instrumentation.observer,
    fail: (amount) => {
      if (amount === 13 || (amount === 7 && calls++ === 0)) throw new TypeError('no gateway');
    },
    retry: { attempts: 2, delayMs: 1 },
  });
  const { app } = shop;
  app.bus.subscribe(OrderPlaced, () => undefined, { name: 'noticed' });
  instrumentation.watch(app);
  const [, seven] = [await shop.order('1-5', 5), await shop.order('1-7', 7), await shop.order('1-13', 13)];
  await shop.order('1-5');
  await app.bus.publish('order-2', [new OrderPlaced(1)]);
  const refused = app.record('order-2', [new OrderPlaced(1)], { expected: 'none' });
  await refused.catch(() => undefined);
  await eventually(async () => (await app.subscriptions.parked('billing'))[0]?.state === 'dead');
  await app.handled('billing', seven.ids[0]!);
  const { head } = await app.events.identity();
  await app.caughtUp('orders', head, IN_TIME);
  const text = async (accept?: string) => (await reader.metrics(accept)).body;
  await eventually(async () =>
    (await text()).includes('events_dead_letter_queue_size{subscription="billing",handler='),
  );
  return {
    ...{ shop, reader, provider, instrumentation, text },
    async close(): Promise<void> {
      await instrumentation.shutdown();
      await shop.close();
      await provider.shutdown();
    },
  };
}
