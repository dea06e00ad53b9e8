#!/usr/bin/env node
const { runCheckProof } = require('../dist/check-proof.js');

const { exitCode, said, complaint } = runCheckProof(process.argv.slice(2), process.cwd());
if (said !== '') process.stdout.write(said);
if (complaint !== '') process.stderr.write(complaint);
process.exitCode = exitCode;
