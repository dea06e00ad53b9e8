// A Jest reporter: writes to the file RESULTS_FILE what is known so far, so that it is known, too, when the run is killed.
// A process that something keeps for LINGER_SECONDS (30) after the last test is ended, and named a failure.
const fs = require('node:fs');
const path = require('node:path');
const { stripVTControlCharacters } = require('node:util');

module.exports = class ResultsSoFar {
  counts = { passed: 0, failed: 0, skipped: 0 };
  running = new Set();
  failures = [];

  constructor({ rootDir }) {
    this.rootDir = rootDir;
    this.write();
  }

  onTestFileStart({ path: file }) {
    this.running.add(path.relative(this.rootDir, file));
    this.write();
  }

  onTestFileResult({ path: file }, { testResults, testExecError }, all) {
    const name = path.relative(this.rootDir, file);
    this.running.delete(name);
    if (testExecError)
      this.failures.push(`${name}\n${startOf(testExecError.stack ?? testExecError.message)}`);
    for (const { status, fullName, failureMessages } of testResults)
      if (status === 'failed')
        this.failures.push(`${name}: ${fullName}\n${startOf(failureMessages.join('\n'))}`);
    this.counts = {
      passed: all.numPassedTests,
      // A suite that could not even be loaded has no tests to count.
      failed: all.numFailedTests + all.numRuntimeErrorTestSuites,
      skipped: all.numPendingTests + all.numTodoTests,
    };
    this.write();
  }

  onRunComplete() {
    const end = () => {
      const kept = process.getActiveResourcesInfo().join(', ');
      const told = `A test has left something running (${kept}): close in afterEach what it opened.`;
      fs.writeSync(2, `${told}\n`);
      this.failures.push(told);
      this.write();
      process.exit(1);
    };
    setTimeout(end, 1_000 * (process.env.LINGER_SECONDS ?? 30)).unref();
  }

  write() {
    fs.writeFileSync(
      process.env.RESULTS_FILE,
      JSON.stringify({ ...this.counts, running: [...this.running], failures: this.failures }),
    );
  }
};

/** As much of an error as tells it from others, without colours. */
function startOf(error) {
  return stripVTControlCharacters(error).split('\n').slice(0, 25).join('\n');
}
