import { logs, metrics, silent, spans } from './observe.js';

describe('the signal table', () => {
  const FORBIDDEN = ['stream.id', 'event.id', 'correlation_id', 'causation_id', 'message.id', 'tenant'];

  test('no metric is told apart by an id', () => {
    const broken = metrics.filter(({ attributes }) =>
      attributes.some((name) => FORBIDDEN.some((part) => name.includes(part))),
    );
    expect(broken).toEqual([]);
    expect(metrics.length).toBeGreaterThanOrEqual(40);
  });

  test('names are given once, also to Prometheus', () => {
    const names = metrics.map(({ name }) => name);
    const prometheus = metrics.flatMap((metric) => metric.prometheus ?? []);
    expect(new Set(names).size).toBe(names.length);
    expect(new Set(prometheus).size).toBe(prometheus.length);
  });

  test('every histogram has rising buckets of its own, and nothing else has any', () => {
    for (const { name, kind, buckets } of metrics) {
      if (kind !== 'histogram') expect([name, buckets]).toEqual([name, undefined]);
      else expect([name, [...buckets!].sort((a, b) => a - b)]).toEqual([name, buckets]);
    }
  });

  test('every duration is in seconds', () => {
    const inOtherUnits = metrics.filter(
      ({ name, unit }) => /duration|latency|age$|lag\.time/.test(name) && unit !== 's',
    );
    expect(inOtherUnits).toEqual([]);
  });

  test('every signal comes from a seam that exists, or from the sampler', () => {
    const seams = new Set([...Object.keys(silent), 'sampler']);
    const unknown = [...metrics, ...spans, ...logs].filter(({ source }) => !seams.has(source));
    expect(unknown).toEqual([]);
  });

  test('every seam is heard in some signal', () => {
    const heard = new Set([...metrics, ...spans, ...logs].map(({ source }) => source));
    const deaf = Object.keys(silent).filter((seam) => !heard.has(seam as keyof typeof silent));
    // `trace` gives, it does not tell; a page is counted by the lag that it leaves.
    expect(deaf).toEqual(['page', 'trace']);
  });

  test('the names the requirements spell out are there', () => {
    const prometheus = metrics.flatMap((metric) => metric.prometheus ?? []);
    expect(prometheus).toEqual(
      expect.arrayContaining([
        'events_published_total',
        'events_published_duration_seconds',
        'events_handling_duration_seconds',
        'events_retry_queued_total',
        'events_retry_queue_size',
        'events_retried_total',
        'events_dead_lettered_total',
        'events_dead_letter_queue_size',
        'events_reprocessed_total',
        'events_stored_total',
        'events_storage_duration_seconds',
        'events_handlers_active',
      ]),
    );
  });
});
