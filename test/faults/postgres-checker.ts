import type { Acknowledged, Evidence, Row } from './postgres-evidence.js';

/** What is wrong with a log, seen from outside: the rows as bare SQL gives them, against what writers and followers were told. */
export function violationsOf(evidence: Evidence): string[] {
  const { rows, answers, followers } = evidence;
  const byId = new Map<string, Row[]>();
  for (const row of rows) byId.set(row.id, [...(byId.get(row.id) ?? []), row]);
  const acknowledged = answers.filter((it) => it.kind === 'acknowledged');
  return [
    ...answers.flatMap((it) => (it.kind === 'failed' ? [`an answer nobody may give: ${it.message}`] : [])),
    ...inOrder(rows),
    ...[...byId.values()].flatMap((all) =>
      all.length > 1 ? [`event ${all[0]!.id} is stored ${all.length} times`] : [],
    ),
    ...acknowledged.flatMap((it) => notAsAcknowledged(it, byId)),
    ...answers
      .flatMap((it) => (it.kind === 'refused' ? it.ids.filter((id) => byId.has(id)) : []))
      .map((id) => `event ${id} is stored although its append was refused`),
    ...halfDone(evidence, byId),
    ...followers.flatMap(({ name, types, seen }) => {
      const stored = rows.filter(({ type }) => types === undefined || types.includes(type));
      return firstDifference(stored, seen).map((it) => `follower ${name}: ${it}`);
    }),
  ];
}

/** Positions are dense, versions have no gaps, appends are whole and time never falls. */
function inOrder(rows: readonly Row[]): string[] {
  const wrong: string[] = [];
  const versions = new Map<string, number>();
  rows.forEach(({ position, stream, version, appendIndex, recorded }, i) => {
    const before = rows[i - 1];
    if (position !== i + 1) wrong.push(`position ${position} stands in place ${i + 1}`);
    const next = (versions.get(stream) ?? 0) + 1;
    if (version !== next) wrong.push(`${stream} has version ${version} where ${next} is due`);
    versions.set(stream, version);
    if (appendIndex !== 0 && appendIndex !== (before?.appendIndex ?? -1) + 1)
      wrong.push(
        `position ${position} is event ${appendIndex} of an append and follows event ${before?.appendIndex}`,
      );
    if (recorded < (before?.recorded ?? 0)) wrong.push(`time falls at position ${position}`);
  });
  return wrong;
}

function notAsAcknowledged({ writes, asked, recorded }: Acknowledged, byId: Map<string, Row[]>): string[] {
  return writes.flatMap(({ stream, ids, version, position }) =>
    ids.flatMap((id, i) => {
      const row = byId.get(id)?.[0];
      const after = ids.length - 1 - i;
      if (row === undefined)
        return [`event ${id} was acknowledged at position ${position - after} and is not stored`];
      const told = { stream, version: version - after, position: position - after, recorded };
      const found = {
        stream: row.stream,
        version: row.version,
        position: row.position,
        recorded: row.recorded,
      };
      if (JSON.stringify(told) !== JSON.stringify(found))
        return [
          `event ${id} was acknowledged as ${JSON.stringify(told)} and is stored as ${JSON.stringify(found)}`,
        ];
      if (recorded < asked - CLOCK_MS)
        return [`event ${id} was recorded ${asked - recorded} ms before anybody asked for it`];
      return [];
    }),
  );
}

/** Clocks of one machine, which may be set meanwhile. */
const CLOCK_MS = 3;

/** A transaction left its trace in the application's table exactly when its events are stored, and once. */
function halfDone({ ledger, answers }: Evidence, byId: Map<string, Row[]>): string[] {
  const times = new Map<string, number>();
  for (const name of ledger) times.set(name, (times.get(name) ?? 0) + 1);
  const known = answers.flatMap((it) =>
    it.kind === 'acknowledged' && it.transaction ? [it.transaction] : [],
  );
  return [...new Set([...known, ...times.keys()])].flatMap((name) => {
    const count = times.get(name) ?? 0;
    const stored = byId.has(name.split(' ')[0]!);
    if (count === 1 && stored) return [];
    return [`transaction ${name} took effect ${count} times, its events are ${stored ? '' : 'not '}stored`];
  });
}

function firstDifference(
  stored: readonly { position: number; id: string }[],
  seen: readonly { position: number; id: string }[],
): string[] {
  const length = Math.max(stored.length, seen.length);
  for (let i = 0; i < length; i++) {
    const [a, b] = [stored[i], seen[i]];
    if (a?.position === b?.position && a?.id === b?.id) continue;
    const name = (it: { position: number; id: string } | undefined) =>
      it ? `${it.id} at ${it.position}` : 'nothing';
    return [`was given ${name(b)} where ${name(a)} is stored (event ${i + 1} of ${length})`];
  }
  return [];
}
