import { XMLBuilder } from 'fast-xml-parser';
import type { FindingGroup } from '@backstory/replay/check';
import { printable } from '../printable.js';
import { describe } from './describe.js';

/** What was checked, for a file in the format of JUnit, which build servers read. */
export interface Checked {
  readonly name: string;
  readonly categories: readonly { readonly category: string; readonly streams: number }[];
  readonly groups: readonly FindingGroup[];
}

/** A suite a category: a case for each group of findings, or one that says how many streams are as they were. */
export function junit({ name, categories, groups }: Checked): string {
  const suites = categories.map(({ category, streams }) =>
    suiteOf(
      category,
      streams,
      groups.filter((it) => it.category === category),
    ),
  );
  const failures = groups.length;
  const tests = suites.reduce((sum, it) => sum + it['@tests'], 0);
  const document = {
    '?xml': { '@version': '1.0', '@encoding': 'UTF-8' },
    testsuites: { '@name': printable(name), '@tests': tests, '@failures': failures, testsuite: suites },
  };
  return new XMLBuilder({ attributeNamePrefix: '@', ignoreAttributes: false, format: true }).build(document);
}

function suiteOf(category: string, streams: number, groups: readonly FindingGroup[]) {
  const whole = { '@classname': category, '@name': `${streams} streams fold as they were recorded` };
  const cases = groups.map((group) => {
    const { what, where } = describe(group);
    return {
      '@classname': category,
      '@name': printable(what),
      failure: { '@message': printable(what), '@type': group.kind, '#text': printable(where) },
    };
  });
  return {
    '@name': category,
    '@tests': Math.max(1, cases.length),
    '@failures': cases.length,
    testcase: cases.length > 0 ? cases : [whole],
  };
}
