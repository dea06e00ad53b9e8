// Lints texts as if they were files of the repository, with its real configuration but without type information
// (the files need not exist). In: [{ file, text }] on stdin. Out: the messages of each, as `rule: message`.
import { text } from 'node:stream/consumers';
import { ESLint } from 'eslint';
import tseslint from 'typescript-eslint';

const eslint = new ESLint({ overrideConfig: [tseslint.configs.disableTypeChecked] });
const out = [];
for (const { file, text: code } of JSON.parse(await text(process.stdin))) {
  const results = await eslint.lintText(code, { filePath: file });
  out.push(results.flatMap((it) => it.messages).map((it) => `${it.ruleId}: ${it.message}`));
}
console.log(JSON.stringify(out));
