/** Commands in `sh` blocks that no test here types, by document, and why. Every other one is run. */
export const NOT_RUN: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'README.md': {
    'npm run demo': 'the gates run it (.ci/run)',
    'npm test': 'it runs this test',
    'npx backstory init ../bank': 'it installs packages (npm run test:faults)',
    'cd ../bank': 'it is there only then',
    'npm start': 'in the new project (npm run test:faults)',
    'npx backstory replay account-42': 'in the new project (npm run test:faults)',
  },
  'CONTRIBUTING.md': {
    'npm test': 'it runs this test',
    "npm test -- -t 'append'": 'it runs tests',
  },
};
