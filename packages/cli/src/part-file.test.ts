import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { writeNew } from './part-file';

test('what fails on the way leaves no file', async () => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'backstory-part-'));
  const seen: string[][] = [];
  async function* failing() {
    yield 'begun';
    seen.push(fs.readdirSync(folder));
    throw new Error('the log ends here');
  }
  await expect(writeNew(path.join(folder, 'report'), failing())).rejects.toThrow('the log ends here');
  expect(seen).toEqual([['report.part']]);
  expect(fs.readdirSync(folder)).toEqual([]);
  fs.rmSync(folder, { recursive: true });
});
