import {
  Aggregate,
  DomainEvent,
  EventHandler,
  EventSourcedAggregate,
  Fields,
  Ignores,
  defineBackstory,
  instant,
  memory,
} from 'backstory';

// The code of docs/guides/evolution.md.

@DomainEvent('customer.registered', {
  version: 3,
  aliases: ['customer.created'],
  upcast: {
    1: (old: { name: string }) => ({ ...old, since: null }),
    2: ({ name, since }: { name: string; since: string | null }) => {
      const [first, ...rest] = name.split(' ');
      return { first, last: rest.join(' '), since: since && `${since}T00:00:00.000Z` };
    },
  },
})
@Fields({ since: instant })
export class CustomerRegistered {
  constructor(
    readonly first: string,
    readonly last: string,
    readonly since: Date | null,
  ) {}
}

/** Recorded until 2025. Nothing raises it any more. */
@DomainEvent('customer.moved')
export class CustomerMoved {
  constructor(readonly address: string) {}
}

@DomainEvent('customer.address-corrected')
export class AddressCorrected {
  constructor(
    readonly street: string,
    readonly town: string,
  ) {}
}

@DomainEvent('customer.greeted')
export class CustomerGreeted {}

@Aggregate('customer')
@Ignores(CustomerGreeted)
export class Customer extends EventSourcedAggregate {
  name = '';
  address = '';

  register(first: string, last: string, since: Date) {
    this.raise(new CustomerRegistered(first, last, since));
  }

  correctAddress(street: string, town: string) {
    this.raise(new AddressCorrected(street, town));
  }

  @EventHandler(CustomerRegistered) protected registered({ first, last }: CustomerRegistered) {
    this.name = `${first} ${last}`.trim();
  }

  @EventHandler(CustomerMoved) protected moved({ address }: CustomerMoved) {
    this.address = address;
  }

  @EventHandler(AddressCorrected) protected corrected({ street, town }: AddressCorrected) {
    this.address = `${street}, ${town}`;
  }
}

export const crm = defineBackstory({ name: 'crm', store: memory(), aggregates: [Customer] });
