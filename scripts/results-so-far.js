// A Jest reporter: writes to the file RESULTS_FILE what is known so far, so that it is known, too, when the run is killed.
// A process that something keeps for LINGER_SECONDS (30) after the last test is ended, and named a failure.
const fs = require('node:fs');
const path = require('node:path');

module.exports = class ResultsSoFar {
  counts = { passed: 0, failed: 0, skipped: 0 };
  running = new Set();

  constructor({ rootDir }) {
    this.rootDir = rootDir;
    this.write();
  }

  onTestFileStart({ path: file }) {
    this.running.add(path.relative(this.rootDir, file));
    this.write();
  }

  onTestFileResult({ path: file }, _, all) {
    this.running.delete(path.relative(this.rootDir, file));
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
      fs.writeSync(2, `A test has left something running (${kept}): close in afterEach what it opened.\n`);
      process.exit(1);
    };
    setTimeout(end, 1_000 * (process.env.LINGER_SECONDS ?? 30)).unref();
  }

  write() {
    fs.writeFileSync(
      process.env.RESULTS_FILE,
      JSON.stringify({ ...this.counts, running: [...this.running] }),
    );
  }
};
