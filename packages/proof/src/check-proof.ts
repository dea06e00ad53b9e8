import { runCheckProof } from './run-check-proof.js';

// The program itself, also where only these files are: in a package for an auditor.
const { exitCode, said, complaint } = runCheckProof(process.argv.slice(2), process.cwd());
if (said !== '') process.stdout.write(said);
if (complaint !== '') process.stderr.write(complaint);
process.exitCode = exitCode;
