import { createRequire } from 'node:module';
import path from 'node:path';
import type { createJiti } from 'jiti';
import type * as TypeScript from 'typescript';
import { InvalidConfiguration } from './errors.js';
import { digestOf, lookAt, type Looked, type Transpiled } from './transpile-cache.js';

type Jiti = ReturnType<typeof createJiti>;
type TransformOptions = Parameters<Jiti['transform']>[0];
type Transform = (options: TransformOptions) => { code: string };
type Compiler = Pick<
  typeof TypeScript,
  | 'ModuleKind'
  | 'ScriptTarget'
  | 'findConfigFile'
  | 'flattenDiagnosticMessageText'
  | 'parseJsonConfigFileContent'
  | 'readConfigFile'
  | 'sys'
  | 'transpileModule'
>;

/** Transpiles what is not known yet. */
export function remembering(known: Transpiled, made: () => Transform): Transform {
  let transform: Transform | undefined;
  return (options) => {
    const key = digestOf([options.async, options.filename, options.source].join('\n'));
    const code = known.get(key) ?? (transform ??= made())(options).code;
    known.set(key, code);
    return { code };
  };
}

/**
 * Turns the TypeScript of a configuration and of what it imports into JavaScript with the project's own compiler and its
 * `tsconfig.json`, so that decorators and class fields mean what they mean in the application. Without a compiler jiti's own
 * transform does, which cannot decorate properties: what does so says that it needs a compiler.
 */
export function transpiler(
  file: string,
  jiti: Pick<Jiti, 'transform'>,
  {
    ts = compilerFor(file),
    looked = new Map(),
  }: { readonly ts?: Compiler | null; readonly looked?: Looked } = {},
): Transform {
  const plain = (options: TransformOptions) => ({
    code: jiti.transform(options).replace(CANNOT_DECORATE, NEEDS_COMPILER),
  });
  if (!ts) return plain;
  const settings = settingsFor(ts, file, looked);
  return (options) => {
    // CommonJS, which the compiler is asked for, does not know import.meta; jiti does.
    if (!options.ts || /\bimport\.meta\b/.test(options.source)) return plain(options);
    const fileName = options.filename ?? file;
    const { outputText, diagnostics = [] } = ts.transpileModule(options.source, {
      fileName,
      compilerOptions: settings,
      reportDiagnostics: true,
    });
    const [first] = diagnostics;
    if (first) throw syntaxError(ts, first, fileName);
    return { code: outputText };
  };
}

const CANNOT_DECORATE = /throw Error\("Decorating class property failed[^"]*"\)/;
const NEEDS_COMPILER = `throw Object.assign(Error(${JSON.stringify(
  'The application decorates properties, which takes the compiler of its project: npm install --save-dev typescript@6.',
)}), { code: "BACKSTORY_CONFIGURATION", facts: { problem: "no-compiler" } })`;

function compilerFor(file: string): Compiler | null {
  for (const from of [file, __filename]) {
    try {
      const ts = createRequire(from)('typescript') as Partial<Compiler>;
      // TypeScript 7 has no such interface.
      if (typeof ts.transpileModule === 'function') return ts as Compiler;
    } catch {
      // Not installed there.
    }
  }
  return null;
}

function settingsFor(ts: Compiler, file: string, looked: Looked): TypeScript.CompilerOptions {
  const given = optionsOf(ts, path.dirname(file), looked);
  return {
    experimentalDecorators: true,
    emitDecoratorMetadata: given?.experimentalDecorators !== false,
    ...given,
    target: ts.ScriptTarget.ES2022,
    module: ts.ModuleKind.CommonJS,
    esModuleInterop: true,
    inlineSourceMap: true,
  };
}

type Meaning = 'experimentalDecorators' | 'emitDecoratorMetadata' | 'useDefineForClassFields';

/** The settings of the project that change what its code means. A project that says nothing of decorators has TC39's. */
function optionsOf(
  ts: Compiler,
  folder: string,
  looked: Looked,
): Pick<TypeScript.CompilerOptions, Meaning> | undefined {
  const host = noting(ts.sys, looked);
  const config = ts.findConfigFile(folder, host.fileExists);
  if (config === undefined) return undefined;
  const { config: json } = ts.readConfigFile(config, host.readFile) as { config?: unknown };
  const { options } = ts.parseJsonConfigFileContent(json ?? {}, host, path.dirname(config));
  const { experimentalDecorators = false, emitDecoratorMetadata = false } = options;
  return {
    experimentalDecorators,
    emitDecoratorMetadata,
    useDefineForClassFields: options.useDefineForClassFields ?? definesFields(ts, options),
  };
}

/** Notes all that is looked at, before it is: what changes meanwhile is then known to be another. */
function noting(sys: TypeScript.System, looked: Looked) {
  const noted =
    <T>(look: (at: string) => T) =>
    (at: string): T => {
      if (!looked.has(at)) looked.set(at, lookAt(at));
      return look(at);
    };
  return {
    ...sys,
    fileExists: noted((it) => sys.fileExists(it)),
    directoryExists: noted((it) => sys.directoryExists(it)),
    readFile: noted((it) => sys.readFile(it)),
    // The files of the project are of no interest.
    readDirectory: () => [],
  };
}

/** What the compiler assumes for the project's own target, which is not the one used here. */
function definesFields({ ScriptTarget }: Compiler, { target }: TypeScript.CompilerOptions): boolean {
  return target === undefined || target >= ScriptTarget.ES2022;
}

function syntaxError(
  ts: Compiler,
  { messageText, file, start = 0 }: TypeScript.Diagnostic,
  name: string,
): Error {
  const { line, character } = file?.getLineAndCharacterOfPosition(start) ?? { line: 0, character: 0 };
  const place = { file: name, line: line + 1, column: character + 1 };
  const problem = ts.flattenDiagnosticMessageText(messageText, '\n').replace(/\.$/, '');
  const message = `${name}:${place.line}:${place.column}: ${problem}. Correct the syntax.`;
  return new InvalidConfiguration('syntax', message, place);
}
