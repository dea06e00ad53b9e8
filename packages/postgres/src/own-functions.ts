import { escapeLiteral } from 'pg';
import { MIGRATIONS } from './migrations.js';
import { schemasIn, unquoted } from './search-path.js';
import type { Run } from './session.js';

/**
 * Functions of the store that are not what this release knows them as: reads go by some of them. Those that it does not know are of
 * another release, or somebody's, and nobody here calls them.
 *
 * @param schema quoted
 */
export async function changedFunctions(run: Run, schema: string): Promise<readonly string[]> {
  const rows = await run<FunctionRow>({
    text: `select proname, lanname, array_to_json(coalesce(proconfig, '{}')), prosrc
      from pg_proc p join pg_language l on l.oid = prolang where pronamespace = ${escapeLiteral(schema)}::regnamespace order by p.oid`,
  });
  const made = functionsIn(MIGRATIONS.map(({ sql }) => sql(SCHEMA)).join('\n'));
  return [...made.keys()].filter((name) => {
    const found = rows.filter(([it]) => it === name).map(([, ...rest]) => asFound(rest));
    return found.length !== 1 || found[0] !== asMade(made.get(name)!, schema);
  });
}

type FunctionRow = readonly [name: string, language: string, settings: string, body: string];

interface OwnFunction {
  readonly language: string;
  readonly settings: readonly string[];
  readonly body: string;
}

/** Stands for the schema, whatever it is called. */
const SCHEMA = '{schema}';

function functionsIn(sql: string): ReadonlyMap<string, OwnFunction> {
  const functions = sql.matchAll(
    /^create function \{schema\}\.(\w+)\(([^$]*?)language (\w+)([^$]*)\$\$(.*?)\$\$;$/gms,
  );
  return new Map(
    [...functions].map(([, name, , language, settings, body]) => {
      const set = settings!.matchAll(/\bset (\w+) = (.+?)(?=\s+as\b|\s*--|$)/gm);
      return [
        name!,
        { language: language!, settings: [...set].map(([, it, to]) => `${it}=${to}`), body: body! },
      ];
    }),
  );
}

function asMade({ language, settings, body }: OwnFunction, schema: string): string {
  const inSchema = settings.map((it) => setting(it).replaceAll(SCHEMA, () => unquoted(schema)));
  return [language, ...inSchema.sort(), body.replaceAll(SCHEMA, () => schema)].join('\n');
}

function asFound([language, settings, body]: readonly [string, string, string]): string {
  return [language, ...(JSON.parse(settings) as string[]).map(setting).sort(), body].join('\n');
}

/** However names in it are quoted. */
function setting(text: string): string {
  const [, path] = /^search_path=(.*)$/s.exec(text) ?? [];
  if (path === undefined) return text;
  const names = schemasIn(path).map(({ name }) => name);
  return `search_path=${names.join('\u001f')}`;
}
