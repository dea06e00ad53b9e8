import { ProjectionFailed, GenerationUnusable, type Projections } from '@backstory/projection';
import { Findings, type Health } from '@backstory/replay/verify';
import type { CommandIo } from './io.js';
import { withProjectionsOf, type OpenStores } from './open.js';
import { valueText } from './value-text.js';

/** What is wrong with projections, and which could not be looked at. Each is folded anew in memory, up to where it is. */
export function projectionHealth(
  stores: OpenStores,
  { signal }: Pick<CommandIo, 'signal'>,
): Promise<Pick<Health, 'findings' | 'notChecked'>> {
  return withProjectionsOf(stores, async (projections) => {
    const findings = new Findings();
    const notChecked: Health['notChecked'][number][] = [];
    for (const { name, state, reason } of await projections.list()) {
      if (state === 'faulted')
        findings.add('projection', {
          subject: name,
          what: `it stopped before an event: ${reason ?? 'the reason is not known'}`,
          todo: 'Put that right, and start it again.',
        });
      const found = await compared(projections, name, signal);
      if (typeof found === 'string')
        notChecked.push({ check: `the projection ${name} against the log`, why: found });
      else if (!found.isEqual)
        findings.add('projection', { subject: name, what: differenceText(found), todo: rebuildText(name) });
    }
    return { findings: findings.all(), notChecked };
  });
}

type LogVerification = Awaited<ReturnType<Projections['verifyWithLog']>>;

/** Why it could not be compared, where it could not: a part of a sentence, as of all that was not looked at. */
async function compared(
  projections: Projections,
  name: string,
  signal: AbortSignal | undefined,
): Promise<LogVerification | string> {
  try {
    return await projections.verifyWithLog(name, { limit: 1, ...(signal && { signal }) });
  } catch (error) {
    if (error instanceof GenerationUnusable || error instanceof ProjectionFailed)
      return error.message.replace(/\.$/, '');
    throw error;
  }
}

function differenceText({ different, documents, position, differences }: LogVerification): string {
  const [first] = differences;
  const { key, path, live, other } = first!;
  const where = path === '' ? key : `${key}, ${path}`;
  return `${different} of ${documents} documents ${different === 1 ? 'is' : 'are'} not what the log gives up to position ${position}; the first is ${where}: ${valueText(live)}, by the log ${valueText(other)}`;
}

/** What was folded before somebody altered the log says what stood there: to rebuild it takes that away. */
function rebuildText(name: string): string {
  return (
    'Its code was changed without a new version, or the documents were, or the log was: ask "backstory audit verify" first where it is ' +
    `sealed, and change nothing if that finds something. Otherwise "backstory projections rebuild ${name}", verify, and swap.`
  );
}
