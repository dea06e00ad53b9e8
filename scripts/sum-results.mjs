// Adds up several Jest runs: what each wrote with results-so-far.js to <folder>/<name>.json, and its exit code in
// <folder>/<name>.exit. What failed is named at the end, where also a log that was cut shows it. The last line is the sum; exit
// code 1 unless every run succeeded.
import fs from 'node:fs';
import path from 'node:path';

const folder = process.argv[2];
const names = fs
  .readdirSync(folder)
  .flatMap((it) => (it.endsWith('.exit') ? [path.basename(it, '.exit')] : []));
const runs = names.map(resultOf);
const [passed, failed, skipped] = ['passed', 'failed', 'skipped'].map((field) =>
  runs.reduce((sum, run) => sum + run[field], 0),
);
console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`);
process.exitCode = passed > 0 && failed === 0 ? 0 : 1;

function resultOf(name) {
  const file = path.join(folder, `${name}.json`);
  const exit = fs.readFileSync(path.join(folder, `${name}.exit`), 'utf8').trim();
  const none = { passed: 0, failed: 0, skipped: 0, running: [], failures: [] };
  const { running, failures, ...counts } = fs.existsSync(file)
    ? JSON.parse(fs.readFileSync(file, 'utf8'))
    : none;
  if (exit === '0') return counts;
  for (const failure of failures) console.log(`${name}: failed: ${failure}\n`);
  const ended = fs.existsSync(file) ? 'after its last test' : 'before its first test';
  const where = running.length > 0 ? `during ${running.join(', ')}` : ended;
  console.log(`${name}: exit code ${exit} ${where}`);
  return { ...counts, failed: Math.max(1, counts.failed) };
}
