import { readRecorded, type RecordedEvent } from '@backstory/core';
import { findEvent } from '@backstory/router';
import { Router, type ActiveRule, type RoutingExplanation, type RuleDecision } from '@backstory/router/bus';
import { checkUse, type ActionUse } from '../action-use.js';
import { columns } from '../columns.js';
import type { Definition } from '../definition.js';
import { UsageError } from '../errors.js';
import { definitionFor, withLog } from '../open.js';
import type { Paper } from '../paper.js';
import type { Verb, VerbCall } from '../verb.js';

type Action = 'list' | 'explain';

const USE: ActionUse = { words: [['id', ['explain']]], options: { type: ['list'] } };

export const verb: Verb = {
  arguments: [
    { name: '<action>', description: 'what to do', choices: ['list', 'explain'] },
    { name: '[id]', description: 'explain: the id of an event' },
  ],
  options: [
    {
      flags: '--type <name>',
      description: 'list: only rules that this event type may go through',
      names: 'type',
    },
  ],
  notes:
    'The rules are those of the configuration; what a running application adds is not known here.\n' +
    'They are asked again: what they say is what they say now.',
  examples: [
    ['backstory route list', 'the rules, in the order in which they decide'],
    ['backstory route list --type order.placed', 'those that such an event may go through'],
    [
      'backstory route explain 019aa2f0-7b1c-7d3e-9a52-0c1f6f3b2d11',
      'which rules matched, and why the others did not',
    ],
  ],
  paged: true,
  async run(call) {
    checkUse(call, USE);
    const [action, id] = call.arguments as [Action, string | undefined];
    const { type } = call.options as { readonly type?: string };
    const definition = await definitionFor(call);
    const router = new Router(definition.rules);
    if (action === 'list') return list(call, type === undefined ? router.rules : router.routesFor(type));
    if (id === undefined || id === '')
      throw new UsageError('missing-id', 'Which event? Give its id: backstory route explain <event id>.');
    const event = await eventOf(call, definition, id);
    const explanation = router.explain(event);
    await call.report.answer(
      {
        event: { id, type: event.type, stream: event.stream, position: event.position },
        ...jsonOf(explanation),
      },
      (paper) => explainLines(event, explanation, paper),
    );
  },
};

async function list({ report }: VerbCall, rules: readonly ActiveRule[]): Promise<void> {
  const shown = rules.map(({ name, source, condition, target, priority, timeoutMs, description }) => {
    return { name, source, condition: String(condition), target, priority, timeoutMs, description };
  });
  await report.answer({ rules: shown }, (paper) =>
    columns(
      shown,
      [
        { head: 'rule', text: ({ name }) => name },
        { head: 'priority', text: ({ priority }) => priority, align: 'right' },
        { head: 'from', text: ({ source }) => source },
        { head: 'where', text: ({ condition }) => condition },
        { head: 'to', text: ({ target }) => target },
        { head: 'within', text: ({ timeoutMs }) => `${timeoutMs / 1_000} s`, align: 'right' },
        { head: 'for', text: ({ description }) => description },
      ],
      paper,
    ),
  );
  if (shown.length === 0)
    await report.note('There are no such rules: defineBackstory({ rules: [ … ] }) has them.');
}

/** As a handler sees it, where the application knows the event; else as it was recorded. */
async function eventOf(call: VerbCall, { types }: Definition, id: string): Promise<RecordedEvent> {
  const stored = await withLog(call, (log) => findEvent(log, id));
  return types.find(stored.type) ? types.decode(stored) : readRecorded(stored);
}

function jsonOf({ decisions, routes }: RoutingExplanation) {
  return {
    decisions: decisions.map(({ rule, target, result, because }) => ({ rule, target, result, because })),
    topics: routes.map(({ topic }) => topic),
  };
}

function* explainLines(
  { type, stream, version }: RecordedEvent,
  { decisions, routes }: RoutingExplanation,
  paper: Paper,
): Generator<string, void> {
  const topics = routes.map(({ topic }) => topic).join(', ');
  yield `${paper.bold(type)}  ${paper.name(`${stream} v${version}`)}  goes to ${paper.plain(topics || 'no topic')}`;
  const longest = Math.max(0, ...decisions.map(({ rule }) => rule.length));
  for (const { rule, target, result, because } of decisions) {
    yield '';
    yield `  ${paint(result, paper)} ${paper.bold(rule.padEnd(longest))}  ${SAYS[result]} ${paper.plain(target)}`;
    yield `      ${paper.dim(because)}`;
  }
}

const SAYS: Readonly<Record<RuleDecision['result'], string>> = {
  matched: 'leads to',
  filtered: 'does not lead to',
  'no-match': 'does not lead to',
  failed: 'could not decide about',
};

function paint(result: RuleDecision['result'], paper: Paper): string {
  if (result === 'matched') return paper.good('✓');
  return result === 'failed' ? paper.bad('!') : paper.dim('·');
}
