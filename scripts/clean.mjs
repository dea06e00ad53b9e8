// Removes what `npm run build` wrote.
import fs from 'node:fs';

for (const group of ['packages', 'examples'])
  for (const folder of fs.readdirSync(group))
    fs.rmSync(`${group}/${folder}/dist`, { recursive: true, force: true });
