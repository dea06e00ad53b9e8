// Adds up the result files of several Jest runs: one line, and exit code 1 unless every run succeeded.
import fs from 'node:fs';

const runs = process.argv.slice(2).map((file) => JSON.parse(fs.readFileSync(file, 'utf8')));
const sum = (...fields) => runs.flatMap((run) => fields.map((it) => run[it])).reduce((a, b) => a + b, 0);
const passed = sum('numPassedTests');
// A suite that could not even be loaded has no tests to count.
const failed = sum('numFailedTests', 'numRuntimeErrorTestSuites');
const skipped = sum('numPendingTests', 'numTodoTests');
console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`);
process.exitCode = passed > 0 && runs.every((run) => run.success) ? 0 : 1;
