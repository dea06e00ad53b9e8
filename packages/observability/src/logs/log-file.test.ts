import fs from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { LogFile } from './log-file.js';

let folder: string;
beforeEach(async () => void (folder = await fs.mkdtemp(path.join(os.tmpdir(), 'log-file-'))));
afterEach(async () => {
  jest.restoreAllMocks();
  await fs.rm(folder, { recursive: true });
});

test('the last words are lines of their own where the line before was cut short', async () => {
  const { open } = fs;
  jest.spyOn(fs, 'open').mockImplementation(async (...given) => {
    const handle = await open(...given);
    handle.appendFile = async (text) => {
      await handle.write(String(text).slice(0, 3));
      throw new Error('the disk is full');
    };
    return handle;
  });
  const at = path.join(folder, 'shop.log');
  const file = new LogFile(at);
  await expect(file.write('first\n')).rejects.toThrow('full');
  file.writeNow('last\n');
  await file.close();
  expect(await fs.readFile(at, 'utf8')).toBe('fir\nlast\n');
});
