import { readdirSync } from 'node:fs';
import path from 'node:path';
import { measure, type Measuring, type Result } from './measure.js';
import type { Row, Setting, Side } from './row.js';
import { rows } from './rows.js';

/** What the files of the folder say that there is. */
export function rowNames(): readonly string[] {
  return readdirSync(path.join(__dirname, 'rows'))
    .map((file) => path.basename(file, '.ts'))
    .sort();
}

export async function rowCalled(name: string): Promise<Row> {
  return (await rows()).find((row) => row.name === name)!;
}

export function bothSides(names: readonly string[]) {
  return names.flatMap((name) => (['ours', 'bare'] as const).map((who) => [name, who] as const));
}

/** That a side which does nothing is found out. */
export async function expectIdleNoticed(
  name: string,
  who: 'ours' | 'bare',
  measuring: Measuring,
): Promise<void> {
  const idle = withSide(await rowCalled(name), who, (side) => ({ ...side, run: () => undefined }));
  await expect(measure(idle, measuring)).rejects.toThrow(
    new RegExp(`^${name}: ${who} should have done .* did`),
  );
}

/** That whatever was promised of a figure is of one that is measured. */
export function expectPromisesMeasured({ name, unit, also, promised = {} }: Result): void {
  const figures = [unit, ...Object.keys(also)];
  const unmeasured = Object.keys(promised).filter((it) => !figures.includes(it));
  expect({ name, unmeasured }).toEqual({ name, unmeasured: [] });
}

/** That the bare side writes so many rows in each transaction, and proves it. */
export async function expectTransactions(name: string, rowsEach: number, setting: Setting): Promise<void> {
  const contest = await (await rowCalled(name)).prepare(setting);
  await contest.bare.before?.();
  await contest.bare.run();
  const proof = await contest.bare.proof();
  await contest.close();
  expect(proof).toMatch(new RegExp(`, ${Math.ceil(contest.amount / rowsEach)} transactions$`));
  expect(contest.bare.expected).toBe(proof);
}

/** The row with another side. */
export function withSide(row: Row, who: 'ours' | 'bare', changed: (side: Side) => Side): Row {
  return {
    ...row,
    async prepare(setting) {
      const contest = await row.prepare(setting);
      return { ...contest, [who]: changed(contest[who]) };
    },
  };
}
