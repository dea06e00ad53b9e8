// The alerts, each with what promtool is to find: series with which it fires, for which labels, and series with which it does not.
import { failing, increase, mean, rate, series, worst } from './query.mjs';

const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** What is told apart: applications that are scraped as different jobs may have handlers and subscriptions of the same name. */
const HANDLER = ['job', 'handler'];
const SUBSCRIPTION = ['job', 'application', 'subscription'];
const ON_SUBSCRIPTION = `on (${SUBSCRIPTION.join(', ')})`;

/** Of the attempts of a handler one in a thousand may fail. */
const BUDGET = 0.001;

/** With fewer failures a share says too little: of ten attempts in a night one is 10 %. */
const LEAST_FAILURES = 5;

/** Google's multi-window burn rates: how fast the budget of 30 days is used up (https://sre.google/workbook/alerting-on-slos/). */
const BURNS = [
  { rate: 14.4, short: 5 * MINUTE, long: HOUR, severity: 'critical', budget: '2 % in an hour' },
  { rate: 6, short: 30 * MINUTE, long: 6 * HOUR, severity: 'critical', budget: '5 % in six hours' },
  { rate: 3, short: 2 * HOUR, long: DAY, severity: 'warning', budget: '10 % in a day' },
  { rate: 1, short: 6 * HOUR, long: 3 * DAY, severity: 'warning', budget: '10 % in three days' },
];

export function groupsOf() {
  const recorded = [...new Set(BURNS.flatMap(({ short, long }) => [short, long]))].sort((a, b) => a - b);
  return [
    {
      name: 'backstory-ratios',
      rules: recorded.map((window) => ({
        record: ratioName(window),
        expr: failing(lasting(window), HANDLER),
      })),
    },
    { name: 'backstory', rules: alertsOf().map(ruleOf) },
  ];
}

function ruleOf({ alert, expr, wait, severity, window, summary, description }) {
  return {
    alert,
    expr,
    ...(wait !== undefined && { for: wait }),
    labels: { severity, ...(window !== undefined && { window }) },
    annotations: { summary, description },
  };
}

/** Called after its window. */
function ratioName(window) {
  return `backstory:handling_errors:ratio_rate${lasting(window)}`;
}

function alertsOf() {
  return [...burns(), ...consumers(), ...handlers(), ...processes()];
}

function failures(window) {
  return increase('events_handled_total', window, { by: HANDLER, where: { status: 'error' } });
}

function burns() {
  return BURNS.map((burn) => ({
    ...burnOf(burn),
    tests: [
      {
        interval: '2m',
        series: [
          ['events_handled_total{handler="billing.bill", status="success"}', '0+100x200'],
          ['events_handled_total{handler="billing.bill", status="error"}', `0+${burn.rate * 0.2}x200`],
          ['events_handled_total{handler="desk.look", status="success"}', '0+100x200'],
          // Two attempts in an hour, and half of them fail: that is too few.
          ['events_handled_total{handler="night.run", status="success"}', '0+1x3 3+0x200'],
          ['events_handled_total{handler="night.run", status="error"}', '0+1x3 3+0x200'],
        ],
        at: '6h',
        // What burns fast burns slowly as well.
        fires: BURNS.filter((it) => it.rate <= burn.rate).map((it) => ({
          of: burnOf(it),
          handler: 'billing.bill',
        })),
      },
    ],
  }));
}

function burnOf({ rate: speed, short, long, severity, budget }) {
  return {
    alert: 'BackstoryErrorBudgetBurns',
    expr: `${[short, long].map((it) => `${ratioName(it)} > ${speed} * ${BUDGET}`).join(' and ')} and ${failures(lasting(long))} >= ${LEAST_FAILURES}`,
    wait: lasting(2 * MINUTE),
    severity,
    window: lasting(long),
    summary: '{{ $labels.handler }} fails too often.',
    description: `Of 1,000 attempts one may fail. At this rate that budget of 30 days is used up by ${budget}: see which errors with events_handling_errors_total.`,
  };
}

function consumers() {
  const by = SUBSCRIPTION;
  const lag = worst('backstory_subscription_lag_events', { by });
  const before = worst('backstory_subscription_lag_events', { by, offset: lasting(15 * MINUTE) });
  const age = worst('backstory_subscription_lag_time_seconds', { by });
  const paused = `${worst('backstory_subscription_state', { by, where: { state: 'paused' } })} == 1`;
  const moved = `max by (${by.join(', ')}) (changes(${series('backstory_subscription_position')}[${lasting(5 * MINUTE)}])) > 0`;
  return [
    {
      alert: 'BackstoryConsumerStalled',
      expr: `${lag} > 0 unless ${ON_SUBSCRIPTION} ${moved} unless ${ON_SUBSCRIPTION} ${paused}`,
      wait: lasting(2 * MINUTE),
      severity: 'critical',
      summary: '{{ $labels.subscription }} stands still, and has events to handle.',
      description: 'Look whether a process runs it: backstory health says so, and why it does not go on.',
      tests: [
        {
          series: [
            [`backstory_subscription_lag_events${SUB}`, '0 5+0x20'],
            [`backstory_subscription_position${SUB}`, '7+0x20'],
            // Of the same name, in another job and in another application of the process: neither hides the one that stands.
            ['backstory_subscription_lag_events{job="other", subscription="billing"}', '9+0x20'],
            ['backstory_subscription_position{job="other", subscription="billing"}', '0+1x20'],
            ['backstory_subscription_lag_events{application="b", subscription="billing"}', '9+0x20'],
            ['backstory_subscription_position{application="b", subscription="billing"}', '0+1x20'],
            ['backstory_subscription_lag_events{subscription="moves"}', '9+0x20'],
            ['backstory_subscription_position{subscription="moves"}', '0+1x20'],
            ['backstory_subscription_lag_events{subscription="paused"}', '9+0x20'],
            ['backstory_subscription_position{subscription="paused"}', '7+0x20'],
            ['backstory_subscription_state{subscription="paused", state="paused"}', '1+0x20'],
          ],
          at: '15m',
          fires: [BILLING],
        },
      ],
    },
    {
      alert: 'BackstoryLagGrows',
      expr: `${age} > 60 and ${ON_SUBSCRIPTION} ${lag} > ${before}`,
      wait: lasting(5 * MINUTE),
      severity: 'warning',
      summary: '{{ $labels.subscription }} falls behind further and further.',
      description:
        'Events come faster than it handles them: give it more concurrency or more processes, or make its handlers faster.',
      tests: [
        {
          series: [
            [`backstory_subscription_lag_events${SUB}`, '0+100x40'],
            [`backstory_subscription_lag_time_seconds${SUB}`, '0+30x40'],
            ['backstory_subscription_lag_events{subscription="catches-up"}', '9000-100x40'],
            ['backstory_subscription_lag_time_seconds{subscription="catches-up"}', '3000-30x40'],
          ],
          at: '35m',
          fires: [BILLING],
        },
      ],
    },
    {
      alert: 'BackstoryConsumerFaulted',
      expr: `${worst('backstory_subscription_state', { by, where: { state: 'faulted' } })} == 1`,
      severity: 'critical',
      summary: '{{ $labels.subscription }} cannot go on.',
      description:
        'No process can run it: backstory health says why. It goes on when that is mended and somebody resumes it.',
      tests: [state('faulted', 1)],
    },
    {
      alert: 'BackstoryConsumerPaused',
      expr: paused,
      wait: lasting(30 * MINUTE),
      severity: 'warning',
      summary: '{{ $labels.subscription }} is paused.',
      description:
        'Somebody paused it and forgot it, or it takes its failures for an outage: backstory subscriptions status says which.',
      tests: [state('paused', 40)],
    },
    {
      alert: 'BackstoryDeadLetters',
      expr: `${worst('events_dead_letter_queue_size', { by: [...SUBSCRIPTION, 'handler'] })} > 0`,
      severity: 'warning',
      summary: '{{ $labels.handler }} has events that it could not handle.',
      description:
        'Each holds up the later events of its key: backstory dead-letters list {{ $labels.subscription }} says why; then retry, edit or skip it.',
      tests: [
        {
          series: [
            ['events_dead_letter_queue_size{subscription="billing", handler="billing.bill"}', '2+0x5'],
            ['events_dead_letter_queue_size{subscription="desk", handler="desk.look"}', '0+0x5'],
          ],
          at: '2m',
          fires: [{ subscription: 'billing', handler: 'billing.bill' }],
        },
      ],
    },
    {
      alert: 'BackstoryDeadLetterTooOld',
      expr: `${worst('backstory_dead_letter_oldest_age_seconds', { by: [...SUBSCRIPTION, 'handler'] })} > ${DAY}`,
      severity: 'critical',
      summary: '{{ $labels.handler }} has had an event that it could not handle for more than a day.',
      description: 'Nobody has decided about it: backstory dead-letters list {{ $labels.subscription }}.',
      tests: [
        {
          series: [
            [
              'backstory_dead_letter_oldest_age_seconds{subscription="billing", handler="billing.bill"}',
              `${DAY + 1}+60x5`,
            ],
            ['backstory_dead_letter_oldest_age_seconds{subscription="desk", handler="desk.look"}', '60+60x5'],
          ],
          at: '2m',
          fires: [{ subscription: 'billing', handler: 'billing.bill' }],
        },
      ],
    },
    {
      alert: 'BackstoryEventSilent',
      expr: silent(),
      wait: lasting(5 * MINUTE),
      severity: 'warning',
      summary: 'No {{ $labels.event_type }} comes any more.',
      description:
        'There were ten or more in the hour before the last and none since, and at this time of the day and the week there usually are: look whether whoever makes them is well.',
      tests: [
        {
          series: [
            ['events_published_total{job="a", event_type="order.placed"}', '0+1x60 60+0x70'],
            // Another job goes on with it.
            ['events_published_total{job="b", event_type="order.placed"}', '0+1x130'],
            ['events_published_total{event_type="payment.requested"}', '0+1x130'],
            // It was started anew, and has published one since.
            ['events_published_total{event_type="order.shipped", instance="a"}', '0+1x60 60+0x30'],
            ['events_published_total{event_type="order.shipped", instance="b"}', '_x90 1+0x40'],
            // Nobody is there to be heard: that is another alert.
            ['events_published_total{job="gone", event_type="order.placed"}', '0+1x60'],
          ],
          at: '125m',
          fires: [{ job: 'a', event_type: 'order.placed' }],
        },
        {
          // What comes once a day, in an hour of its own.
          interval: '10m',
          series: [
            ['events_published_total{event_type="night.imported"}', '0+9x6 54+0x138 54+9x6 108+0x138'],
            // What comes all day, and yesterday too.
            ['events_published_total{event_type="order.placed"}', '0+9x150 1350+0x138'],
          ],
          at: '1590m',
          fires: [{ event_type: 'order.placed' }],
        },
        {
          // A week ago nothing came in this hour either.
          interval: '10m',
          series: [
            ['events_published_total{event_type="shop.visited"}', '0+9x6 54+0x5 63+9x1001 9072+0x20'],
            ['events_published_total{event_type="order.placed"}', '0+9x1014 9126+0x20'],
          ],
          at: '10210m',
          fires: [{ event_type: 'order.placed' }],
        },
      ],
    },
  ];
}

/** As many as usual an hour ago, none since, and not because it is so every day or every week at this time. */
function silent() {
  const by = ['job', 'event_type'];
  const within = (offset) => increase('events_published_total', lasting(HOUR), { by, offset });
  const all = series('events_published_total');
  return [
    `${within(lasting(HOUR))} >= 10`,
    `and on (${by.join(', ')}) ${within()} == 0`,
    // A series that begins with an event shows no increase by it.
    `unless on (${by.join(', ')}) (${all} unless ${all} offset ${lasting(HOUR)})`,
    `unless ${within(lasting(DAY))} == 0`,
    `unless ${within(lasting(7 * DAY))} == 0`,
  ].join(' ');
}

const BILLING = { subscription: 'billing' };
const SUB = '{subscription="billing"}';

function state(name, minutes) {
  return {
    series: [
      [`backstory_subscription_state{subscription="billing", state="${name}"}`, `1+0x${minutes + 5}`],
      [`backstory_subscription_state{subscription="desk", state="${name}"}`, `0+0x${minutes + 5}`],
    ],
    at: `${minutes}m`,
    fires: [BILLING],
  };
}

function handlers() {
  const window = lasting(5 * MINUTE);
  const by = HANDLER;
  return [
    {
      alert: 'BackstoryHandlerFails',
      expr: `${failing(window, by)} > 0.05 and ${failures(window)} >= ${LEAST_FAILURES}`,
      wait: lasting(5 * MINUTE),
      severity: 'warning',
      summary: 'More than 5 % of the attempts of {{ $labels.handler }} fail.',
      description:
        'See with which errors: events_handling_errors_total, or the lines EVENT_ERROR of the log.',
      tests: [
        {
          series: [
            ['events_handled_total{handler="billing.bill", status="success"}', '0+90x30'],
            ['events_handled_total{handler="billing.bill", status="error"}', '0+10x30'],
            ['events_handled_total{handler="desk.look", status="success"}', '0+99x30'],
            ['events_handled_total{handler="desk.look", status="error"}', '0+1x30'],
            // Well in one job, and not in another.
            ['events_handled_total{job="a", handler="mail.send", status="success"}', '0+900x30'],
            ['events_handled_total{job="b", handler="mail.send", status="success"}', '0+9x30'],
            ['events_handled_total{job="b", handler="mail.send", status="error"}', '0+1x30'],
            // One of a few.
            ['events_handled_total{handler="night.run", status="success"}', '0+0x15 1+0x15'],
            ['events_handled_total{handler="night.run", status="error"}', '0+0x15 1+0x15'],
          ],
          at: '20m',
          fires: [{ handler: 'billing.bill' }, { job: 'b', handler: 'mail.send' }],
        },
      ],
    },
    {
      alert: 'BackstoryHandlerSlow',
      expr: `${mean('events_handling_duration_seconds', window, { by })} > 1`,
      wait: lasting(10 * MINUTE),
      severity: 'warning',
      summary: '{{ $labels.handler }} takes more than a second on average.',
      description: 'A trace of one of its attempts says where the time goes.',
      tests: [
        {
          series: [
            ['events_handling_duration_seconds_sum{handler="billing.bill"}', '0+20x30'],
            ['events_handling_duration_seconds_count{handler="billing.bill"}', '0+10x30'],
            ['events_handling_duration_seconds_sum{handler="desk.look"}', '0+2x30'],
            ['events_handling_duration_seconds_count{handler="desk.look"}', '0+10x30'],
          ],
          at: '25m',
          fires: [{ handler: 'billing.bill' }],
        },
      ],
    },
    {
      alert: 'BackstoryAppendsFail',
      expr: `${rate('events_storage_errors_total', window, { by: ['job', 'aggregate_type', 'error_type'], where: { 'error_type!': 'concurrency_conflict' } })} > 0`,
      wait: lasting(2 * MINUTE),
      severity: 'critical',
      summary: 'Events of {{ $labels.aggregate_type }} cannot be stored: {{ $labels.error_type }}.',
      description: 'Look whether the store can be reached and has room.',
      tests: [
        {
          series: [
            ['events_storage_errors_total{aggregate_type="order", error_type="ECONNREFUSED"}', '0+1x20'],
            [
              'events_storage_errors_total{aggregate_type="order", error_type="concurrency_conflict"}',
              '0+9x20',
            ],
          ],
          at: '15m',
          fires: [{ aggregate_type: 'order', error_type: 'ECONNREFUSED' }],
        },
      ],
    },
    {
      alert: 'BackstoryBackPressure',
      expr: `${worst('backstory_subscription_back_pressure', { by: SUBSCRIPTION })} == 1`,
      wait: lasting(15 * MINUTE),
      severity: 'warning',
      summary: '{{ $labels.subscription }} reads no more, because its buffer is full.',
      description:
        'Its handlers are slower than its events: give it more concurrency, or look what they wait for.',
      tests: [
        {
          series: [
            [`backstory_subscription_back_pressure${SUB}`, '1+0x30'],
            [
              'backstory_subscription_back_pressure{subscription="desk"}',
              '1 0 1 0 1 0 1 0 1 0 1 0 1 0 1 0 1 0 1 0 1 0',
            ],
          ],
          at: '20m',
          fires: [BILLING],
        },
      ],
    },
  ];
}

function processes() {
  const memory = series('backstory_process_memory_bytes');
  return [
    {
      alert: 'BackstoryProcessDown',
      expr: `up == 0 and on (job, instance) last_over_time(${memory}[${lasting(6 * HOUR)}])`,
      wait: lasting(2 * MINUTE),
      severity: 'critical',
      summary: '{{ $labels.instance }} of {{ $labels.job }} does not answer.',
      description:
        'Nothing is known of it any more, so no other alert speaks of it: look whether the process runs, and whether Prometheus reaches it.',
      tests: [
        {
          series: [
            ['up{job="shop", instance="a"}', '1x5 0x10'],
            ['backstory_process_memory_bytes{job="shop", instance="a"}', '9x5'],
            ['up{job="shop", instance="b"}', '1x20'],
            ['backstory_process_memory_bytes{job="shop", instance="b"}', '9x20'],
            // Something else.
            ['up{job="node", instance="a"}', '0x20'],
          ],
          at: '12m',
          fires: [{ job: 'shop', instance: 'a' }],
        },
      ],
    },
    {
      alert: 'BackstoryNotSeen',
      expr: `absent(${memory})`,
      wait: lasting(10 * MINUTE),
      severity: 'critical',
      summary: 'No process of Backstory is scraped at all.',
      description: 'Look at the targets of Prometheus: none gives metrics of Backstory.',
      tests: [
        { series: [['up{job="shop"}', '1x40']], at: '20m', fires: [{}] },
        { series: [['backstory_process_memory_bytes{job="shop"}', '9x40']], at: '20m', fires: [] },
      ],
    },
    {
      alert: 'BackstoryEventLoopSlow',
      expr: `${series('backstory_process_event_loop_delay_seconds')} > 0.5`,
      wait: lasting(5 * MINUTE),
      severity: 'warning',
      summary: '{{ $labels.instance }} is busy with something for half a second at a time.',
      description: 'Something computes for long without a pause: a profile says what.',
      tests: [gauge('backstory_process_event_loop_delay_seconds', 0.8, 0.01)],
    },
    {
      alert: 'BackstoryProcessorBusy',
      expr: `${series('backstory_process_cpu')} > 0.9`,
      wait: lasting(15 * MINUTE),
      severity: 'warning',
      summary: '{{ $labels.instance }} keeps a processor busy.',
      description: 'JavaScript runs on one: give it another process.',
      tests: [gauge('backstory_process_cpu', 0.97, 0.4)],
    },
    {
      alert: 'BackstoryTelemetryDropped',
      expr: `${increase('backstory_telemetry_dropped_total', lasting(HOUR), { by: ['job', 'signal'] })} > 0`,
      severity: 'warning',
      summary: 'Some {{ $labels.signal }} could not be delivered.',
      description:
        'The application does not notice, but what is seen of it is not all: look whether the collector answers and the disk has room.',
      tests: [
        {
          series: [
            ['backstory_telemetry_dropped_total{signal="traces"}', '0+1x20'],
            ['backstory_telemetry_dropped_total{signal="logs"}', '7+0x20'],
          ],
          at: '15m',
          fires: [{ signal: 'traces' }],
        },
      ],
    },
  ];
}

function gauge(name, bad, good) {
  return {
    series: [
      [`${name}{instance="a"}`, `${bad}+0x30`],
      [`${name}{instance="b"}`, `${good}+0x30`],
    ],
    at: '20m',
    fires: [{ instance: 'a' }],
  };
}

/** `5m`, `1h`, `3d`: as Prometheus writes it. */
function lasting(seconds) {
  for (const [unit, length] of [
    ['d', DAY],
    ['h', HOUR],
    ['m', MINUTE],
  ])
    if (seconds % length === 0) return `${seconds / length}${unit}`;
  return `${seconds}s`;
}

/** Days are looked at every ten minutes: each minute of a week would take promtool one of its own. */
export const PACES = ['1m', '10m'];

/** What promtool runs, at one of the paces: https://prometheus.io/docs/prometheus/latest/configuration/unit_testing_rules/ */
export function ruleTests(file, pace) {
  const cases = alertsOf()
    .flatMap((row) => row.tests.map((test) => ({ row, ...test })))
    .filter(({ interval }) => (interval === '10m' ? '10m' : '1m') === pace);
  return {
    rule_files: [file],
    evaluation_interval: pace,
    tests: cases.map(({ row, interval = '1m', series: inputs, at, fires }) => ({
      interval,
      name: `${row.alert} (${row.severity})`,
      input_series: inputs.map(([name, values]) => ({ series: name, values })),
      alert_rule_test: [
        {
          eval_time: at,
          alertname: row.alert,
          exp_alerts: fires.map(({ of = row, ...labels }) => expected(of, labels)),
        },
      ],
    })),
  };
}

function expected({ severity, window, summary, description }, labels) {
  return {
    exp_labels: { severity, ...(window !== undefined && { window }), ...labels },
    exp_annotations: { summary: told(summary, labels), description: told(description, labels) },
  };
}

function told(text, labels) {
  return text.replace(/\{\{ \$labels\.(\w+) \}\}/g, (_, label) => labels[label]);
}
