import { HEAD_PROBLEMS, type EventHeader, type HeadProblem } from '@backstory/proof';
import type { EventPart, FieldChange, Finding, SealFinding, SealProblem } from './finding.js';
import { timeText } from './report-text.js';

/** A finding in a sentence. Names in it are as they stand in the log: make them safe where they are shown. */
export function findingText(finding: Finding): string {
  switch (finding.kind) {
    case 'altered':
      return `position ${finding.position}: ${called(finding.event)} was altered: ${difference(finding)}`;
    case 'missing':
      return `position ${finding.position}: ${called(finding.event)} is missing`;
    case 'inserted':
      return `position ${finding.position}: ${called(finding.event)} was never sealed there: it was put in`;
    case 'moved': {
      const also = difference(finding);
      const more = also === '' ? '' : `, and was altered: ${also}`;
      return `position ${finding.position}: ${called(finding.event)} was moved here from position ${finding.from}${more}`;
    }
    case 'unreadable': {
      const event = finding.event ? called(finding.event) : 'what stands here';
      return `position ${finding.position}: the store cannot read ${event}: ${finding.message}`;
    }
    case 'column':
      return `position ${finding.position}: its column ${finding.column} is not what the event says, so some reads miss it or give it wrongly`;
    default:
      return sealText(finding);
  }
}

function sealText(finding: SealFinding): string {
  switch (finding.kind) {
    case 'segment':
      return `positions ${finding.after + 1} to ${finding.upTo}: something is not as seal ${finding.sequence} says; its file would say what`;
    case 'truncated':
      return `the log ends at position ${finding.head}, and seal ${finding.sequence} covers it up to ${finding.position}: its end was cut off`;
    case 'other-log':
      return `this is log ${finding.found}, and log ${finding.sealed} was sealed: it was replaced, or restored (--restored)`;
    case 'unreadable-log':
      return `the store cannot say what it holds: ${finding.message.replace(/\.?$/, '.')} Keep a copy of it, and restore it from a backup`;
    case 'store':
      return `some reads of this log may give other events than it holds: ${finding.message}`;
    case 'never-sealed':
      return 'there is no seal of this log, so there is nothing that it could be held against: make one with "backstory audit seal"';
    case 'seal': {
      const where = finding.place === null ? '' : ` (${finding.place})`;
      const name = finding.sequence === null ? 'a seal' : `seal ${finding.sequence}`;
      return `${name}${where}: ${SEAL_PROBLEMS[finding.problem]}`;
    }
  }
}

/** What people are told of a seal that is not as it should be. */
const SEAL_PROBLEMS: Readonly<Record<SealProblem | HeadProblem, string>> = {
  ...HEAD_PROBLEMS,
  altered:
    'neither its file nor the log is as its head says, so that differences between these two may be of either: put back a copy of the file that was kept elsewhere, and verify again.',
  file: 'its file was altered, and the log was not: move the file elsewhere and keep it; the next seal makes it again from the log.',
  damaged:
    'its file is no seal any more: move it elsewhere and keep it; the next seal makes it again from the log.',
  missing: 'it is in neither the folder nor the log.',
  chain: 'it does not follow the seal before it.',
  replaced: 'here is another head under this number: history was rewritten, or the other place was.',
  unrecorded: 'it is not recorded in the log any more.',
  misnamed: 'no seal has this name, so it is not read: move the file elsewhere.',
  'no-head': 'what is recorded in its place is no signed head.',
  foreign:
    'it is of another log: give an anchor of this one, and move a file of another one elsewhere. If it should be of this one, the log was replaced.',
};

function called({ type, stream, version }: EventHeader): string {
  return `${type} (${stream} v${version})`;
}

function difference({
  parts,
  fields,
}: {
  readonly parts: readonly EventPart[];
  readonly fields: readonly FieldChange[];
}): string {
  const changed = fields
    .map(({ field, sealed, found }) => ({ field, was: value(field, sealed), is: value(field, found) }))
    .filter(({ was, is }) => was !== is)
    .map(({ field, was, is }) => `${field} ${was} → ${is}`);
  const hashed = parts.filter((part) => part !== 'header');
  const asWritten = parts.includes('header') && changed.length === 0 ? ['its header, as it is written'] : [];
  return [...hashed.map((part) => `its ${part}`), ...changed, ...asWritten].join(', ');
}

function value(field: string, it: FieldChange['found']): string {
  return field === 'recordedAt' ? timeText(new Date(typeof it === 'number' ? it : NaN)) : String(it);
}
