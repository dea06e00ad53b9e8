// The dashboards: overview, errors, queues, handlers, consumers. Ratios add up both sides, so that a quiet process counts less than a busy one.
import { DashboardBuilder, DatasourceVariableBuilder } from '@grafana/grafana-foundation-sdk/dashboard';
import { PanelBuilder as Heatmap } from '@grafana/grafana-foundation-sdk/heatmap';
import { DataqueryBuilder } from '@grafana/grafana-foundation-sdk/prometheus';
import { PanelBuilder as Stat } from '@grafana/grafana-foundation-sdk/stat';
import { PanelBuilder as TimeSeries } from '@grafana/grafana-foundation-sdk/timeseries';
import { failing, increase, mean, quantile, rate, series, worst } from './query.mjs';

const WINDOW = '$__rate_interval';
const SOURCE = { type: 'prometheus', uid: '${source}' };

/** By the names of their files. */
export const dashboards = { overview, errors, queues, handlers, consumers };

function overview() {
  return dashboard('Overview', [
    stat('Events stored', 'ops', rate('events_stored_total', WINDOW)),
    stat('Attempts that fail', 'percentunit', failing(WINDOW)),
    stat('Events in the log', 'short', worst('backstory_store_events')),
    stat(
      'Dead letters',
      'short',
      `sum(${worst('events_dead_letter_queue_size', { by: ['subscription', 'handler'] })})`,
    ),
    graph('Published', 'ops', {
      '{{event_type}}': rate('events_published_total', WINDOW, { by: ['event_type'] }),
    }),
    graph('Handled', 'ops', { '{{handler}}': rate('events_handled_total', WINDOW, { by: ['handler'] }) }),
    times('Commands', 'backstory_command_duration_seconds'),
    times('Handling', 'events_handling_duration_seconds'),
    times('Storing', 'events_storage_duration_seconds'),
    times('From happening to handled', 'backstory_delivery_latency_seconds'),
    graph('The store', 'bytes', { '{{store}}': worst('backstory_store_size_bytes', { by: ['store'] }) }),
    graph('Streams', 'short', { '{{store}}': worst('backstory_store_streams', { by: ['store'] }) }),
    graph('Memory', 'bytes', { '{{instance}}': series('backstory_process_memory_bytes') }),
    graph('Processors', 'short', { '{{instance}}': series('backstory_process_cpu') }),
    graph('Event-loop delay, p99', 's', {
      '{{instance}}': series('backstory_process_event_loop_delay_seconds'),
    }),
  ]);
}

function errors() {
  const by = ['handler'];
  return dashboard('Errors', [
    graph('Attempts that fail', 'percentunit', { all: failing(WINDOW) }),
    graph('By handler', 'percentunit', { '{{handler}}': failing(WINDOW, by) }),
    graph('By kind of error', 'ops', {
      '{{error_type}}': rate('events_handling_errors_total', WINDOW, { by: ['error_type'] }),
    }),
    graph('The ten handlers that fail most', 'ops', {
      '{{handler}}': `topk(10, ${rate('events_handling_errors_total', WINDOW, { by })})`,
    }),
    heatmap('When which handler failed', {
      '{{handler}}': increase('events_handling_errors_total', WINDOW, { by }),
    }),
    graph('Appends that fail', 'ops', {
      '{{error_type}}': rate('events_storage_errors_total', WINDOW, { by: ['error_type'] }),
    }),
    graph('Conflicts', 'ops', {
      '{{aggregate_type}}': rate('backstory_append_conflicts_total', WINDOW, { by: ['aggregate_type'] }),
    }),
  ]);
}

function queues() {
  const { where, by } = { where: { status: 'success' }, by: ['event_type'] };
  const tried = rate('events_retried_total', WINDOW);
  return dashboard('Queues', [
    graph('Keys that wait for another attempt', 'short', {
      '{{subscription}}': worst('events_retry_queue_size', { by: ['subscription'] }),
    }),
    graph('Dead letters', 'short', {
      '{{handler}}': worst('events_dead_letter_queue_size', { by: ['subscription', 'handler'] }),
    }),
    graph('The oldest that waits', 's', {
      '{{subscription}}': worst('backstory_retry_queue_oldest_age_seconds', { by: ['subscription'] }),
    }),
    graph('The oldest dead letter', 's', {
      '{{handler}}': worst('backstory_dead_letter_oldest_age_seconds', { by: ['subscription', 'handler'] }),
    }),
    graph('Attempts after the first that succeed', 'percentunit', {
      all: `(${tried} - (${rate('events_retry_failed_total', WINDOW)} or ${tried} * 0)) / ${tried}`,
    }),
    graph('Put off', 'ops', {
      '{{handler}}': rate('events_retry_queued_total', WINDOW, { by: ['handler'] }),
    }),
    graph('Parked as dead', 'ops', {
      '{{handler}}': rate('events_dead_lettered_total', WINDOW, { by: ['handler'] }),
    }),
    graph('Tried again on request', 'ops', {
      '{{outcome}}': rate('events_reprocessed_total', WINDOW, { by: ['outcome'] }),
    }),
    graph('Handled well', 'ops', { '{{event_type}}': rate('events_handled_total', WINDOW, { where, by }) }),
    graph('Read and not yet handled', 'short', {
      '{{subscription}}': worst('backstory_subscription_buffer_size', { by: ['subscription'] }),
      '{{subscription}} has room for': worst('backstory_subscription_buffer_capacity', {
        by: ['subscription'],
      }),
    }),
    graph('Appends that wait', 'short', {
      '{{store}}': worst('backstory_append_queue_size', { by: ['store'] }),
    }),
    graph('Reads no more, because it is full', 'short', {
      '{{subscription}}': worst('backstory_subscription_back_pressure', { by: ['subscription'] }),
    }),
  ]);
}

function handlers() {
  const by = ['handler'];
  const duration = 'events_handling_duration_seconds';
  return dashboard('Handlers', [
    graph('Mean time', 's', { '{{handler}}': mean(duration, WINDOW, { by }) }),
    graph('p95', 's', { '{{handler}}': quantile(0.95, duration, WINDOW, { by }) }),
    graph('Attempts', 'ops', { '{{handler}}': rate('events_handled_total', WINDOW, { by }) }),
    graph('At work', 'short', { '{{handler}}': `sum by (handler) (${series('events_handlers_active')})` }),
    graph('The ten slowest', 's', { '{{handler}}': `topk(10, ${mean(duration, WINDOW, { by })})` }),
    graph('Loading aggregates, mean', 's', {
      '{{aggregate_type}}': mean('backstory_load_duration_seconds', WINDOW, { by: ['aggregate_type'] }),
    }),
    graph('Events folded for a load, mean', 'short', {
      '{{aggregate_type}}': mean('backstory_load_events', WINDOW, { by: ['aggregate_type'] }),
    }),
  ]);
}

function consumers() {
  const by = ['subscription'];
  const ofProjection = ['projection'];
  return dashboard('Consumers', [
    graph('Behind, in events', 'short', {
      '{{subscription}}': worst('backstory_subscription_lag_events', { by }),
    }),
    graph('Behind, in seconds', 's', {
      '{{subscription}}': worst('backstory_subscription_lag_time_seconds', { by }),
    }),
    graph('Position', 'short', {
      '{{subscription}}': worst('backstory_subscription_position', { by }),
      head: worst('backstory_store_head_position'),
    }),
    graph('Age of the checkpoint', 's', {
      '{{subscription}}': worst('backstory_subscription_checkpoint_age_seconds', { by }),
    }),
    graph('State', 'short', {
      '{{subscription}} {{state}}': `${worst('backstory_subscription_state', { by: ['subscription', 'state'] })} == 1`,
    }),
    graph('Rebuilds: part of the log that is folded', 'percentunit', {
      '{{projection}}, generation {{generation}}': worst('backstory_projection_progress', {
        by: ['projection', 'generation'],
      }),
    }),
    graph('Projected', 'ops', {
      '{{projection}} {{result}}': rate('backstory_projection_events_total', WINDOW, {
        by: ['projection', 'result'],
      }),
    }),
    graph('Batches of projections, mean', 's', {
      '{{projection}}': mean('backstory_projection_batch_duration_seconds', WINDOW, { by: ofProjection }),
    }),
    graph('Events in a batch, mean', 'short', {
      '{{projection}}': mean('backstory_projection_batch_size', WINDOW, { by: ofProjection }),
    }),
  ]);
}

function dashboard(title, panels) {
  const builder = new DashboardBuilder(`Backstory: ${title}`)
    .uid(`backstory-${title.toLowerCase()}`)
    .tags(['backstory'])
    .refresh('30s')
    .time({ from: 'now-1h', to: 'now' })
    .timezone('browser')
    .withVariable(new DatasourceVariableBuilder('source').label('Prometheus').type('prometheus'));
  for (const panel of panels) builder.withPanel(panel);
  return builder.build();
}

function times(title, name) {
  return graph(title, 's', {
    mean: mean(name, WINDOW),
    p95: quantile(0.95, name, WINDOW),
    p99: quantile(0.99, name, WINDOW),
  });
}

function graph(title, unit, queries) {
  return filled(new TimeSeries().title(title).unit(unit).height(8).span(12), queries);
}

function stat(title, unit, query) {
  return filled(new Stat().title(title).unit(unit).height(4).span(6), { [title]: query });
}

function heatmap(title, queries) {
  return filled(new Heatmap().title(title).height(8).span(12), queries);
}

function filled(panel, queries) {
  panel.datasource(SOURCE);
  for (const [legend, query] of Object.entries(queries))
    panel.withTarget(new DataqueryBuilder().datasource(SOURCE).expr(query).legendFormat(legend));
  return panel;
}
