/** Commands in documents that no test types, and why. Every other one is run. */
export const NOT_RUN: Readonly<Record<string, string>> = {
  'npm run demo': 'the gates run it (.ci/run)',
  'npm test': 'it runs this test',
  "npm test -- -t 'append'": 'it runs tests',
};
