import type { Lifecycle } from '@backstory/router';
import { columns } from '../columns.js';
import { withSubscriptions } from '../open.js';
import type { Paper } from '../paper.js';
import type { Verb } from '../verb.js';

export const verb: Verb = {
  arguments: [{ name: '<event id>', description: 'the id of an event' }],
  notes:
    'What is shown is what the log and the state store have. When a handler began and ended is known\n' +
    'of subscriptions that keep outcomes; of the others only whether they are past the event.',
  examples: [
    [
      'backstory lifecycle 019aa2f0-7b1c-7d3e-9a52-0c1f6f3b2d11',
      'when it was stored, who handled it, how long that took',
    ],
  ],
  paged: true,
  async run(call) {
    const [id] = call.arguments as [string];
    const found = await withSubscriptions(call, { readOnly: true }, (admin) => admin.lifecycle(id));
    await call.report.answer(found, (paper) => lifecycleLines(found, paper));
  },
};

function* lifecycleLines({ event, steps }: Lifecycle, paper: Paper): Generator<string, void> {
  const { type, stream, version, position } = event;
  yield `${paper.bold(type)}  ${paper.name(`${stream} v${version}`)}  ${paper.dim(`#${position}`)}`;
  yield '';
  yield* columns(
    steps,
    [
      { head: 'step', text: ({ step }) => step },
      { head: 'at', text: ({ at }) => at ?? '' },
      { head: 'ms', text: ({ durationMs }) => durationMs?.toFixed(1) ?? '', align: 'right' },
      { head: 'subscription', text: ({ subscription }) => subscription ?? '' },
      { head: 'handler', text: ({ handler }) => handler ?? '' },
      { head: 'attempts', text: ({ attempts }) => attempts ?? '', align: 'right' },
      { head: 'why', text: ({ reason, error }) => [reason, error?.message].filter(Boolean).join(': ') },
    ],
    paper,
  );
}
