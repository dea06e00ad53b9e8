import { settingsOf } from './settings.js';

describe('settings', () => {
  test('are usual where nobody says anything, but for the name', () => {
    expect(settingsOf({ serviceName: 'shop' }, {})).toEqual({
      serviceName: 'shop',
      serviceVersion: undefined,
      environment: 'development',
      metrics: {
        enabled: true,
        own: [],
        exporter: 'prometheus',
        port: 9_464,
        exportEveryMs: 60_000,
        sampleEveryMs: 5_000,
      },
      tracing: { enabled: true, exporter: 'otlp', sampleRate: 1 },
      logs: {
        ...{ enabled: true, level: 'info', encoding: 'console', outputs: ['stdout'] },
        ...{
          stackTrace: true,
          caller: false,
          flushEveryMs: 200,
          maxBuffered: 1_048_576,
          reopenOnHangup: false,
        },
      },
      health: { lagSeconds: 60, stalledSeconds: 60, timeoutMs: 5_000 },
      shutdownTimeoutMs: 5_000,
    });
    expect(() => settingsOf({}, {})).toThrow('OTEL_SERVICE_NAME');
  });

  test.each([
    [{ NODE_ENV: 'production' }, 'production', 0.1],
    [
      { NODE_ENV: 'production', OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment.name=staging' },
      'staging',
      1,
    ],
    [{ NODE_ENV: 'test' }, 'test', 1],
    [{ NODE_ENV: 'production', OTEL_TRACES_SAMPLER_ARG: '0.25' }, 'production', 0.25],
  ])('by %j are of %s, where %d of the flows are traced', (env, environment, sampleRate) => {
    const settings = settingsOf({ serviceName: 'shop' }, env);
    expect([settings.environment, settings.tracing.sampleRate]).toEqual([environment, sampleRate]);
  });

  test('are read from the variables of OpenTelemetry, and what is given goes before', () => {
    const env = {
      OTEL_SERVICE_NAME: 'shop',
      OTEL_RESOURCE_ATTRIBUTES: 'service.version=1.4.0, deployment.environment.name=production,broken',
      OTEL_TRACES_EXPORTER: 'zipkin',
      OTEL_METRICS_EXPORTER: 'otlp',
      OTEL_EXPORTER_PROMETHEUS_PORT: '9500',
      OTEL_EXPORTER_PROMETHEUS_HOST: '127.0.0.1',
      OTEL_METRIC_EXPORT_INTERVAL: '1000',
    };
    expect(settingsOf({}, env)).toMatchObject({
      serviceName: 'shop',
      serviceVersion: '1.4.0',
      environment: 'production',
      metrics: { exporter: 'otlp', port: 9_500, host: '127.0.0.1', exportEveryMs: 1_000 },
      tracing: { exporter: 'zipkin', sampleRate: 0.1 },
    });
    const given = {
      serviceName: 'other',
      environment: 'x',
      tracing: { exporter: 'console', sampleRate: 0.5 },
    } as const;
    expect(settingsOf({ ...given, metrics: { port: 1 } }, env)).toMatchObject({
      ...given,
      metrics: { port: 1 },
    });
  });

  test('of the log are for machines in production, and for eyes elsewhere', () => {
    const logs = (environment: string) => settingsOf({ serviceName: 'shop', environment }, {}).logs;
    expect(logs('production')).toMatchObject({ encoding: 'json', stackTrace: false });
    expect(logs('test')).toMatchObject({ encoding: 'console', stackTrace: true });
    expect(settingsOf({ serviceName: 'x', logs: { outputs: ['a.log'] } }, {}).logs.reopenOnHangup).toBe(true);
  });

  test('let each part be off', () => {
    const off = { metrics: { enabled: false }, tracing: { enabled: false } };
    expect(settingsOf({ serviceName: 'shop' }, { OTEL_SDK_DISABLED: 'true' })).toMatchObject(off);
    expect(settingsOf({ serviceName: 'shop' }, { OTEL_TRACES_EXPORTER: 'none' }).tracing.enabled).toBe(false);
    expect(settingsOf({ serviceName: 'shop', ...off }, {})).toMatchObject(off);
  });

  test.each([
    [{ tracing: { sampleRate: 2 } }, {}, 'tracing.sampleRate'],
    [{ tracing: { exporter: 'jaeger' } }, {}, 'tracing.exporter: must be one of otlp, zipkin, console'],
    [{ metrics: { port: -1 } }, {}, 'metrics.port'],
    [{ metrics: { prot: 1 } }, {}, 'prot'],
    [{ tracign: {} }, {}, 'tracign'],
    [{ logs: { level: 'loud' } }, {}, 'logs.level'],
    [{ logs: { outputs: [''] } }, {}, 'logs.outputs'],
    [{ logs: { outputs: [{}] } }, {}, 'logs.outputs'],
    [{ logs: { levle: 'info' } }, {}, 'levle'],
    [{}, { OTEL_TRACES_SAMPLER_ARG: 'often' }, 'tracing.sampleRate'],
    [{}, { OTEL_METRICS_EXPORTER: 'statsd' }, 'metrics.exporter'],
  ])('refuse %j with %j', (options, env, message) => {
    expect(() => settingsOf({ serviceName: 'shop', ...options } as never, env)).toThrow(message);
  });
});
