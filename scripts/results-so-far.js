// A Jest reporter: writes to the file RESULTS_FILE what is known so far, so that it is known, too, when the run is killed.
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

  write() {
    fs.writeFileSync(
      process.env.RESULTS_FILE,
      JSON.stringify({ ...this.counts, running: [...this.running] }),
    );
  }
};
