import fs from 'node:fs';
import { folders } from './floor-rules.mjs';

for (const folder of folders) fs.rmSync(`packages/${folder}/dist`, { recursive: true, force: true });
