// Removes what `npm run build` wrote.
import fs from 'node:fs';

for (const group of ['packages', 'examples'].filter((it) => fs.existsSync(it)))
  for (const folder of fs.readdirSync(group))
    fs.rmSync(`${group}/${folder}/dist`, { recursive: true, force: true });
