import { Big, DomainEvent, EventTypes, Fields, UnstorableValue, decimal, instant } from '@backstory/events';

// The code of packages/events/README.md.
@DomainEvent('order.placed', {
  version: 2,
  aliases: ['order.created'],
  upcast: { 1: (old: { total: number }) => ({ total: String(old.total), at: null }) },
})
@Fields({ total: decimal, at: instant })
class OrderPlaced {
  constructor(
    readonly total: Big,
    readonly at: Date | null,
  ) {}
}

const stored = (type: string, schemaVersion: number, data: string) => ({
  ...{ id: 'e', stream: 'order-7', version: 1, position: 1, appendIndex: 0, recordedAt: new Date() },
  ...{ type, schemaVersion, data, metadata: '{}' },
});

test('what is recorded is read back as the same value', () => {
  const types = new EventTypes([OrderPlaced]);
  const placed = new OrderPlaced(new Big('9.95'), new Date('2026-11-20T12:00:00.000Z'));

  const { type, schemaVersion, data } = types.encode(placed);
  expect([type, schemaVersion, data]).toEqual([
    'order.placed',
    2,
    '{"total":"9.95","at":"2026-11-20T12:00:00.000Z"}',
  ]);
  expect(types.decode(stored(type, schemaVersion, data)).data).toStrictEqual(placed);
});

test('an event of an earlier name and version is read as what it is today', () => {
  const types = new EventTypes([OrderPlaced]);

  const { data } = types.decode(stored('order.created', 1, '{"total":9.95}'));
  expect(data).toStrictEqual(new OrderPlaced(new Big('9.95'), null));
});

test('what would not be read back as it is, is refused', () => {
  @DomainEvent('order.paid')
  class OrderPaid {
    constructor(readonly at: Date) {}
  }
  expect(() => new EventTypes([OrderPaid]).encode(new OrderPaid(new Date()))).toThrow(UnstorableValue);
});
