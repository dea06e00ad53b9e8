import { Big } from 'backstory';
import { ValidateBy } from 'class-validator';

/**
 * `@Rules({ customerId: [IsNotEmpty()] })`: class-validator's rules for properties that are declared in the constructor's
 * parameter list, where they cannot be decorated.
 */
export function Rules(rules: Readonly<Record<string, readonly PropertyDecorator[]>>): ClassDecorator {
  return ({ prototype }) => {
    for (const [property, decorators] of Object.entries(rules))
      for (const decorate of decorators) decorate(prototype as object, property);
  };
}

/** An exact, positive amount of money, of whole cents. The shop has one currency. */
export function IsMoney(): PropertyDecorator {
  return ValidateBy({
    name: 'isMoney',
    validator: {
      validate: (value: unknown) => value instanceof Big && value.gt(0) && value.eq(value.round(2)),
      defaultMessage: () => '$property must be an amount above 0 in whole cents, as a Big',
    },
  });
}
