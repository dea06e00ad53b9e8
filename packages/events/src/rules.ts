import { types } from 'node:util';
import type * as ClassValidator from 'class-validator';
import type { MetadataStorage, ValidationError } from 'class-validator';
import type { AnyClass } from './class-table.js';
import { InvalidData, InvalidDefinition, type Violation } from './errors.js';
import { fieldsOf } from './field.js';
import type { FieldType } from './field-type.js';

/**
 * Checks the class-validator rules of an instance. Nothing happens for classes without rules, nor where nobody loaded
 * class-validator.
 *
 * @throws InvalidData naming each property
 */
export function checkRules(instance: object, subject: string): void {
  const { constructor } = Object.getPrototypeOf(instance) as { constructor: AnyClass };
  if (rulesOf(constructor).length === 0) return;
  // Loaded by whoever wrote the rules; it is an optional peer and nobody else should pay for it.
  // eslint-disable-next-line @typescript-eslint/no-require-imports -- an import cannot be both lazy and synchronous
  const { validateSync } = require('class-validator') as typeof ClassValidator;
  refuseViolations(subject, validateSync(instance));
}

/** The same for who can wait: rules may be async, as those of commands. @throws InvalidData naming each property */
export async function awaitRules(instance: object, subject: string): Promise<void> {
  const { constructor } = Object.getPrototypeOf(instance) as { constructor: AnyClass };
  if (rulesOf(constructor).length === 0) return;
  const { validate } = await import('class-validator');
  refuseViolations(subject, await validate(instance));
}

function refuseViolations(subject: string, errors: readonly ValidationError[]): void {
  if (errors.length === 0) return;
  throw new InvalidData(
    subject,
    errors.flatMap((error) => violations(error, '')),
  );
}

/**
 * Events are raised synchronously, so a rule that has to wait could never speak, be it on a value inside the event.
 *
 * @throws InvalidDefinition
 */
export function refuseAsyncRules(cls: AnyClass, seen = new Set<AnyClass>()): void {
  if (seen.has(cls)) return;
  seen.add(cls);
  for (const { type, propertyName, constraintCls } of rulesOf(cls)) {
    const constraints = constraintCls ? storage()!.getTargetValidatorConstraints(constraintCls) : [];
    const isAsync = constraints.some(
      (it) => it.async || types.isAsyncFunction((it.instance as { validate?: unknown }).validate),
    );
    if (isAsync)
      throw new InvalidDefinition(
        `${cls.name}.${propertyName}`,
        'has an async rule: events are checked synchronously, when they are raised.',
      );
    // Only declared classes can stand inside an event.
    const inside = type === NESTED ? classIn(fieldsOf(cls).get(propertyName)) : undefined;
    if (inside) refuseAsyncRules(inside, seen);
  }
}

/** What class-validator calls the rule of `@ValidateNested`. */
const NESTED = 'nestedValidation';

function classIn(type: FieldType | undefined): AnyClass | undefined {
  return type?.of ? classIn(type.of) : type?.cls;
}

// class-validator keeps its rules in this global; that it is there shows that somebody loaded it.
function storage(): MetadataStorage | undefined {
  return (globalThis as { classValidatorMetadataStorage?: MetadataStorage }).classValidatorMetadataStorage;
}

function rulesOf(cls: AnyClass): ReturnType<MetadataStorage['getTargetValidationMetadatas']> {
  return storage()?.getTargetValidationMetadatas(cls, '', true, false) ?? [];
}

function violations(
  { property, constraints = {}, children = [] }: ValidationError,
  parent: string,
): Violation[] {
  const path = pathTo(property, parent);
  const own = Object.entries(constraints).map(([constraint, message]) => ({ path, constraint, message }));
  return [...own, ...children.flatMap((child) => violations(child, path))];
}

/** class-validator names no property where a whole value is at fault. */
function pathTo(property: string | undefined, parent: string): string {
  if (property === undefined) return parent;
  if (/^\d+$/.test(property)) return `${parent}[${property}]`;
  return parent ? `${parent}.${property}` : property;
}
